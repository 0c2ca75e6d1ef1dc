import { useState } from "react";

import type { DraftedView } from "../api/client";
import { type Kind, useClashes, useTakeIn } from "../queries/design";
import { Why } from "./Noted";

type Side = "draft" | "live" | "base";
const SIDES: [Side, string][] = [
  ["draft", "your draft"],
  ["live", "the newer file"],
  ["base", "as it was before both"],
];

/** The file was changed since the draft was begun: both are put together, by people where both changed the same lines. */
export function Clashes({ kind, file, seen }: { kind: Kind; file: DraftedView; seen: number }) {
  const [choices, choose] = useState<Record<number, Side>>({});
  const clashes = useClashes(kind, file.name);
  const takeIn = useTakeIn(kind, file.name);
  if (!clashes.data) return <Why error={clashes.error} />;
  const { live, clashes: found } = clashes.data;
  const chosen = found.map((_, at) => choices[at]).filter((each): each is Side => each !== undefined);
  return (
    <form
      className="note bad"
      aria-label="Take the newer file in"
      onSubmit={(event) => {
        event.preventDefault();
        takeIn.mutate({ seen, live, choices: chosen });
      }}
    >
      <p role="alert">
        The file was changed since you began. {found.length > 0 && `You changed the same lines at ${found.length} place${found.length > 1 ? "s" : ""}: choose at each whose stand.`}
      </p>
      {found.map((clash, at) => (
        <fieldset key={at} className="clash">
          <legend>
            Place {at + 1}
            {clash.before && (
              <>
                , after <code>{clash.before.trim()}</code>
              </>
            )}
          </legend>
          {SIDES.map(([side, words]) => (
            <label key={side} className={choices[at] === side ? "side chosen" : "side"}>
              <span>
                <input type="radio" name={`clash ${at}`} required checked={choices[at] === side} onChange={() => choose({ ...choices, [at]: side })} /> {words}
              </span>
              <pre>{clash[side] || "nothing"}</pre>
            </label>
          ))}
        </fieldset>
      ))}
      <button disabled={takeIn.isPending || chosen.length < found.length}>Take the newer file in</button>
      <Why error={takeIn.error} />
    </form>
  );
}
