import { useId, useState } from "react";

import type { GateView } from "../api/client";
import { COMPARED, type Compared, comparedOf, NOT_COMPARED, unusualEdits } from "../model/unusual";
import type { GateEdits } from "../queries/gates";
import { GatePartForm } from "./GatePartForm";

type Props = { gate: GateView; gateEdits: GateEdits; close: () => void };

/** By what documents are compared with those before, and what of the recent ones is unusual so. */
export function UnusualForm({ gate, gateEdits, close }: Props) {
  const known = gate.unusual;
  const [wanted, want] = useState<Compared>(known ? comparedOf(known) : NOT_COMPARED);
  const told = useId();
  const whole = COMPARED.every(({ key, needed }) => !needed || wanted[key]);
  const edits = whole ? unusualEdits(known, wanted) : null;
  const put = (some: Partial<Compared>) => want({ ...wanted, ...some });
  return (
    <GatePartForm
      name="Unusual documents"
      gate={gate}
      gateEdits={gateEdits}
      edits={edits}
      unsaid="It is tried on recent documents as soon as party, amount and day are said."
      only="unusual"
      location={known ? ["unusual"] : undefined}
      close={close}
    >
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
    </GatePartForm>
  );
}
