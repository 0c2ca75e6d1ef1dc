import { useState } from "react";

import type { Palette } from "../../api/client";
import { DRAGGED, type Dragged } from "../../model/parts";
import { inWords } from "../../model/words";

type Props = { palette: Palette; add: (dragged: Dragged) => void };

/** What can be dragged into the drawing; who uses no mouse chooses it, and a form asks where it goes. */
export function PaletteList({ palette, add }: Props) {
  const [typed, setTyped] = useState("");
  const fits = (name: string) => inWords(name).includes(typed.toLowerCase().replaceAll("_", " "));
  const entities = palette.entities.filter((each) => (each.is_source || each.is_target) && fits(each.name));
  const systems = [...new Set(entities.map((each) => each.name.split(".")[0] ?? ""))];
  return (
    <aside className="palette" aria-label="Palette">
      <input type="search" aria-label="Find in the palette" placeholder="find" value={typed} onChange={(event) => setTyped(event.target.value)} />
      <Items title="Steps" items={[{ kind: "stage" }, { kind: "leg" }]} add={add} />
      {systems.map((system) => (
        <Items
          key={system}
          title={system}
          add={add}
          items={entities.filter((each) => each.name.startsWith(`${system}.`)).map(({ name }): Dragged => ({ kind: "entity", name }))}
        />
      ))}
      <Items title="Rules" add={add} items={palette.rules.filter((each) => fits(each.name)).map(({ name }): Dragged => ({ kind: "rule", name }))} />
      <Items title="Gates" add={add} items={palette.suites.filter((each) => fits(each.name)).map(({ name }): Dragged => ({ kind: "gate", name }))} />
    </aside>
  );
}

function Items({ title, items, add }: { title: string; items: Dragged[]; add: Props["add"] }) {
  if (items.length === 0) return null;
  return (
    <details open={title === "Steps"}>
      <summary>{inWords(title)}</summary>
      <ul>
        {items.map((each) => {
          const name = "name" in each ? each.name : each.kind;
          return (
            <li key={name}>
              {/* a button can't be dragged in every browser */}
              <div
                role="button"
                tabIndex={0}
                draggable
                className="plain"
                onDragStart={(event) => {
                  event.dataTransfer.setData(DRAGGED, JSON.stringify(each));
                  event.dataTransfer.effectAllowed = "copy";
                }}
                onClick={() => add(each)}
                onKeyDown={(event) => {
                  if (event.key !== "Enter" && event.key !== " ") return;
                  event.preventDefault();
                  add(each);
                }}
              >
                {each.kind === "entity" ? name : inWords(name)}
              </div>
            </li>
          );
        })}
      </ul>
    </details>
  );
}
