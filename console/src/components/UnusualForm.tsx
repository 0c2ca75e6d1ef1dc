import { useId, useState } from "react";

import type { GateView } from "../api/client";
import { COMPARED, type Compared, comparedOf, NOT_COMPARED, unusualEdits } from "../model/unusual";
import { type GateEdits, useGatePreview } from "../queries/gates";
import { useSettled } from "../queries/settled";
import { Why } from "./Noted";
import { Stopped } from "./Stopped";

type Props = { gate: GateView; gateEdits: GateEdits; close: () => void };

/** By what documents are compared with those before, and what of the recent ones is unusual so. */
export function UnusualForm({ gate, gateEdits, close }: Props) {
  const known = gate.unusual;
  const [wanted, want] = useState<Compared>(known ? comparedOf(known) : NOT_COMPARED);
  const told = useId();
  const whole = COMPARED.every(({ key, needed }) => !needed || wanted[key]);
  const edits = whole ? unusualEdits(known, wanted) : [];
  const settled = useSettled(edits);
  const preview = useGatePreview(gate.name, settled);
  const shown = settled.length > 0 ? preview.data : undefined;
  const put = (some: Partial<Compared>) => want({ ...wanted, ...some });
  return (
    <form
      className="correction expectation"
      aria-label="Unusual documents"
      onKeyDown={(event) => event.key === "Escape" && close()}
      onSubmit={(event) => {
        event.preventDefault();
        gateEdits.edit(edits, close);
      }}
    >
      <div className="beside">
        <div>
          {COMPARED.map(({ key, label, about, part, needed }, at) => (
            <label key={key}>
              {label}
              <select autoFocus={at === 0} required={needed} aria-describedby={`${told}${key}`} value={wanted[key]} onChange={(event) => put({ [key]: event.target.value })}>
                <option value="">{needed ? "choose" : "none"}</option>
                {wanted[key] && !gate.fields.some((each) => each.part === part && each.name === wanted[key]) && <option>{wanted[key]}</option>}
                {gate.fields
                  .filter((each) => each.part === part)
                  .map((each) => (
                    <option key={each.name}>{each.name}</option>
                  ))}
              </select>
              <small id={`${told}${key}`}>{about}</small>
            </label>
          ))}
          <label>
            An unusual document
            <select value={wanted.otherwise} onChange={(event) => put({ otherwise: event.target.value })}>
              <option value="warn">goes on, and the log tells of it</option>
              <option value="reject">is held as a dead letter, and goes on when that is replayed</option>
            </select>
          </label>
        </div>
      </div>
      <div role="status" aria-busy={preview.isFetching}>
        <Why error={preview.error} />
        {shown?.problems.map((each) => (
          <p key={each.message} className="bad">
            {each.message} {each.remedy}
          </p>
        ))}
        {shown && <Stopped gate={shown} only="unusual" />}
        {!whole && <p className="quiet">It is tried on recent documents as soon as party, amount and day are said.</p>}
      </div>
      <div className="buttons">
        <button className="main" disabled={edits.length === 0 || gateEdits.isPending}>
          {known ? "Keep it in the draft" : "Add it to the draft"}
        </button>
        {known && (
          <button type="button" disabled={gateEdits.isPending} onClick={() => gateEdits.edit([{ do: "take_away", location: ["unusual"] }], close)}>
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
