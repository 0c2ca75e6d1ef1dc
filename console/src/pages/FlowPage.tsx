import { type KeyboardEvent, useMemo, useRef, useState } from "react";

import type { FlowView, Place } from "../api/client";
import { DraftBar } from "../components/DraftBar";
import { AddDialog } from "../components/flow/AddDialog";
import { FlowCanvas } from "../components/flow/FlowCanvas";
import { FlowList } from "../components/flow/FlowList";
import { PaletteList } from "../components/flow/PaletteList";
import { Panel } from "../components/flow/Panel";
import { History } from "../components/History";
import { Link } from "../components/Link";
import { Others } from "../components/Others";
import { ReadOnly } from "../components/ReadOnly";
import { Shown } from "../components/Shown";
import { Undo } from "../components/Undo";
import { drawingOf, foundAt, type Line, linesOf } from "../model/flow";
import { type Copied, type Dragged, pasteEdits, removal, type Wanted } from "../model/parts";
import { inWords } from "../model/words";
import { isTyped, undoneByKey } from "../queries/edits";
import { useDesign, useFlow, usePalette, usePasses } from "../queries/flow";

/** A flow as a drawing, and the forms that change it. */
export default function FlowPage({ name }: { name: string }) {
  const query = useFlow(name);
  return (
    <main className="flow">
      <p>
        <Link to={{ page: "files" }}>← Flows, mappings and gates</Link>
      </p>
      <Shown query={query} what="the flow">
        {(flow) => (flow.text === "" && flow.draft === null ? <p className="note">Nothing is here: it was given up, or is somebody else's draft.</p> : <Designer flow={flow} />)}
      </Shown>
    </main>
  );
}

/** What was copied last, of whichever flow. */
let copied: Copied | null = null;

function Designer({ flow }: { flow: FlowView }) {
  const [{ place: chosen, line: lineId }, setChosen] = useState<{ place: Place; line?: string }>({ place: [] });
  const choose = (place: Place) => setChosen({ place });
  const [wanted, ask] = useState<Wanted | null>(null);
  const [isList, setIsList] = useState(false);
  const [isCopied, setIsCopied] = useState(copied !== null);
  const [arrangement, setArrangement] = useState(0);
  const design = useDesign(flow);
  const palette = usePalette(flow.may_edit).data;
  const passes = usePasses(flow.name).data ?? [];
  const panel = useRef<HTMLElement>(null);
  const section = useRef<HTMLElement>(null);
  const drawing = useMemo(() => drawingOf(flow), [flow]);
  const lines = useMemo(() => linesOf(drawing), [drawing]);
  const line = lines.find((each) => each.id === lineId);
  const count = flow.problems.length;
  const found = foundAt(flow, chosen);
  const stage = found.kind === "flow" ? flow.stages.at(-1) : found.stage;
  const chooseLine = (each: Line) => {
    setChosen({ place: each.leg.location, line: each.id });
    // a line has no focus, and the next key may be Delete
    section.current?.focus({ preventScroll: true });
  };
  const copy = (what: Copied) => {
    copied = what;
    setIsCopied(true);
  };
  const paste = () => {
    if (copied === null || stage === undefined) return;
    const { edits, at } = pasteEdits(flow, stage, copied);
    design.edit(edits, () => choose(at));
  };
  const add = (dragged: Dragged, at: Place = chosen) => {
    const over = foundAt(flow, at);
    const leg = over.kind === "leg" || over.kind === "target" ? over.leg : null;
    const into = over.kind === "flow" ? null : over.stage.name;
    const offered = dragged.kind === "entity" ? palette?.entities.find((each) => each.name === dragged.name) : undefined;
    if (dragged.kind === "stage") ask({ kind: "stage" });
    else if (dragged.kind === "leg") ask({ kind: "leg", stage: into, source: "", target: "" });
    else if (dragged.kind === "rule" && leg) ask({ kind: "rule", leg, rule: dragged.name });
    else if (dragged.kind === "gate" && leg) {
      const target = over.kind === "target" ? leg.targets[over.at] : leg.targets[0];
      if (target) design.edit([{ do: "put", location: [...target.location, "gate"], value: dragged.name }]);
    } else if (offered && leg && offered.is_target && leg.kind !== "sides") ask({ kind: "target", leg, target: offered.name });
    else if (offered) ask({ kind: "leg", stage: into, source: offered.is_source ? offered.name : "", target: offered.is_source ? "" : offered.name });
  };
  const remove = () => {
    const then = (place: Place) => () => {
      choose(place);
      // what had the focus is gone, and the next key may be the one that undoes
      section.current?.focus({ preventScroll: true });
    };
    if (line) design.edit(line.gone, then(line.leg.location));
    else if (found.kind === "target") design.edit(removal(flow, found.leg.targets[found.at]!.location), then(found.leg.location));
    else if (found.kind === "leg") design.edit(removal(flow, found.leg.location), then(found.stage.location));
    else if (found.kind === "stage") design.edit(removal(flow, found.stage.location), then([]));
  };
  const byKey = (event: KeyboardEvent) => {
    if (isTyped(event) || !flow.may_edit || undoneByKey(event, design)) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (control && key === "c" && found.kind === "leg") copy({ name: found.leg.name, written: found.leg.written });
    else if (control && key === "v") paste();
    else if (key === "delete") remove();
    else return;
    event.preventDefault();
  };
  return (
    <>
      <header>
        <h1>{inWords(flow.name)}</h1>
        <p>{flow.description}</p>
      </header>
      <Others file={flow} what="flow" />
      {flow.may_edit ? (
        <DraftBar kind="flows" file={flow} begin="Choose a stage, a leg or a target to change it" />
      ) : (
        <ReadOnly what="flow" />
      )}
      <p role="status" className={count > 0 ? "bad" : "quiet"}>
        {count > 0 ? `The check finds ${count} problem${count > 1 ? "s" : ""}.` : "The check finds nothing wrong."}
      </p>
      <section aria-label="Designer" ref={section} tabIndex={-1} onKeyDown={byKey}>
        <div className="buttons" role="toolbar" aria-label="Flow">
          <button aria-pressed={isList} onClick={() => setIsList(!isList)}>
            {isList ? "Show the drawing" : "Show as a list"}
          </button>
          {flow.may_edit && (
            <>
              <button disabled={!palette} onClick={() => ask({ kind: "stage" })}>
                Add a stage
              </button>
              <button disabled={!palette || flow.stages.length === 0} onClick={() => ask({ kind: "leg", stage: stage?.name ?? null, source: "", target: "" })}>
                Add a leg
              </button>
              <Undo edits={design} />
              <button disabled={!isCopied || stage === undefined} onClick={paste}>
                Paste
              </button>
              <button disabled={line ? line.gone.length === 0 : found.kind === "flow"} onClick={remove}>
                {line ? "Take the line away" : "Take away"}
              </button>
            </>
          )}
          {!isList && <button onClick={() => setArrangement(arrangement + 1)}>Arrange</button>}
        </div>
        <div className={`design ${flow.may_edit ? "editable" : ""}`}>
          {flow.may_edit && palette && <PaletteList palette={palette} add={add} />}
          {flow.may_edit && !palette && <aside className="palette" aria-label="Palette" />}
          {isList ? (
            <FlowList flow={flow} chosen={chosen} choose={choose} passes={passes} />
          ) : (
            <FlowCanvas key={arrangement} flow={flow} drawing={drawing} chosen={chosen} choose={choose} line={line} chooseLine={chooseLine} passes={passes} design={design} drop={add} enter={() => panel.current?.querySelector<HTMLElement>("input, select, button")?.focus()} />
          )}
          <Panel flow={flow} lines={lines} chosen={chosen} design={design} palette={palette} choose={choose} ask={ask} copy={copy} passes={passes} at={panel} />
        </div>
      </section>
      {wanted && palette && (
        <AddDialog
          wanted={wanted}
          flow={flow}
          palette={palette}
          design={design}
          close={(at) => {
            ask(null);
            if (at) choose(at);
          }}
        />
      )}
      <History kind="flows" file={flow} />
    </>
  );
}
