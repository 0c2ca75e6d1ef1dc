import type { ReactNode } from "react";

import type { Edit, GateView } from "../api/client";
import { type GateEdits, useGatePreview } from "../queries/gates";
import { useSettled } from "../queries/settled";
import { Why } from "./Noted";
import { Stopped } from "./Stopped";

type Props = {
  name: string;
  gate: GateView;
  gateEdits: GateEdits;
  /** Nothing while too little is said, which `unsaid` tells. */
  edits: Edit[] | null;
  unsaid: string;
  /** What of the recent documents is shown: stopped by this part of the gate. */
  only: number | "unusual";
  /** Where the part is in the file, if it is there. */
  location: (string | number)[] | undefined;
  close: () => void;
  children: ReactNode;
};

/** A form for one part of a gate, tried on recent documents while it is filled in. */
export function GatePartForm({ name, gate, gateEdits, edits, unsaid, only, location, close, children }: Props) {
  const told = edits ?? [];
  const settled = useSettled(told);
  const preview = useGatePreview(gate.name, settled);
  const shown = settled.length > 0 ? preview.data : undefined;
  return (
    <form
      className="correction expectation"
      aria-label={name}
      onKeyDown={(event) => event.key === "Escape" && close()}
      onSubmit={(event) => {
        event.preventDefault();
        gateEdits.edit(told, close);
      }}
    >
      <div className="beside">{children}</div>
      <div role="status" aria-busy={preview.isFetching}>
        <Why error={preview.error} />
        {shown?.problems.map((each) => (
          <p key={each.message} className="bad">
            {each.message} {each.remedy}
          </p>
        ))}
        {shown && <Stopped gate={shown} only={only} />}
        {edits === null && <p className="quiet">{unsaid}</p>}
      </div>
      <div className="buttons">
        <button className="main" disabled={told.length === 0 || gateEdits.isPending}>
          {location ? "Keep it in the draft" : "Add it to the draft"}
        </button>
        {location && (
          <button type="button" disabled={gateEdits.isPending} onClick={() => gateEdits.edit([{ do: "take_away", location }], close)}>
            Take it away
          </button>
        )}
        <button type="button" onClick={close}>
          Leave it
        </button>
        <Why error={gateEdits.error} />
      </div>
    </form>
  );
}
