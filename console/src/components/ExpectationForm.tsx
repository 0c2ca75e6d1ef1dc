import { useId, useState } from "react";

import type { ExpectationOffered, ExpectationView, GateView } from "../api/client";
import { added, changed, expectationWords, isWhole, NEW, type Wanted, wantedOf } from "../model/gate";
import type { GateEdits } from "../queries/gates";
import { GatePartForm } from "./GatePartForm";

type Props = { gate: GateView; gateEdits: GateEdits; menu: ExpectationOffered[]; known?: ExpectationView; close: () => void };

/** An expectation from the menu, and what it makes of recent documents while it is being chosen. */
export function ExpectationForm({ gate, gateEdits, menu, known, close }: Props) {
  const [wanted, want] = useState<Wanted>(known ? wantedOf(known) : { ...NEW, part: gate.fields[0]?.part ?? "header" });
  const offered = menu.find((each) => each.name === wanted.expect);
  const edits = offered === undefined || !isWhole(wanted, offered) ? null : known ? changed(known, wanted, offered) : added(gate, wanted, offered);
  const told = useId();
  const fields = gate.fields.filter((each) => each.part === wanted.part);
  const put = (some: Partial<Wanted>) => want({ ...wanted, ...some });
  const at = known?.at ?? gate.expectations.length;
  const name = known ? `${known.column}: ${expectationWords(known.expect)}` : "New expectation";
  return (
    <GatePartForm
      name={name}
      gate={gate}
      gateEdits={gateEdits}
      edits={edits}
      unsaid="It is tried on recent documents as soon as enough is said."
      only={at}
      location={known?.location}
      close={close}
    >
      <div>
        <label>
          Field
          <select
            autoFocus
            required
            value={wanted.column && `${wanted.part}.${wanted.column}`}
            onChange={(event) => {
              const [part = "", column = ""] = event.target.value.split(/\.(.*)/s);
              put({ part, column, beside: part === wanted.part ? wanted.beside : "" });
            }}
          >
            <option value="">choose</option>
            {[...new Set(gate.fields.map((each) => each.part))].map((part) => (
              <optgroup key={part} label={part.replaceAll("_", " ")}>
                {gate.fields
                  .filter((each) => each.part === part)
                  .map((each) => (
                    <option key={each.name} value={`${part}.${each.name}`}>
                      {each.name}
                    </option>
                  ))}
              </optgroup>
            ))}
          </select>
        </label>
        <label>
          Expectation
          <select required aria-describedby={`${told}about`} value={wanted.expect} onChange={(event) => put({ expect: event.target.value })}>
            <option value="">choose</option>
            {[false, true].map((ofPairs) => (
              <optgroup key={String(ofPairs)} label={ofPairs ? "of two fields" : "of one field"}>
                {menu
                  .filter((each) => each.of_pairs === ofPairs)
                  .map((each) => (
                    <option key={each.name} value={each.name}>
                      {expectationWords(each.name)}
                    </option>
                  ))}
              </optgroup>
            ))}
            {wanted.expect && !offered && <option value={wanted.expect}>{expectationWords(wanted.expect)}</option>}
          </select>
          <small id={`${told}about`}>{offered?.about}</small>
        </label>
        {offered?.of_pairs && (
          <label>
            Field beside
            <select required value={wanted.beside} onChange={(event) => put({ beside: event.target.value })}>
              <option value="">choose</option>
              {fields.map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          </label>
        )}
        <label>
          What a person does then
          <input required value={wanted.remedy} onChange={(event) => put({ remedy: event.target.value })} />
        </label>
        <label>
          A document that does not meet it
          <select value={wanted.otherwise} onChange={(event) => put({ otherwise: event.target.value })}>
            <option value="reject">is rejected: a dead letter</option>
            <option value="warn">goes on, and the log tells of it</option>
          </select>
        </label>
      </div>
      <div>
        {offered?.arguments.map((each) => (
          <Told key={each.name} argument={each} value={wanted.told[each.name] ?? ""} change={(text) => put({ told: { ...wanted.told, [each.name]: text } })} />
        ))}
      </div>
    </GatePartForm>
  );
}

type ToldProps = { argument: ExpectationOffered["arguments"][number]; value: string; change: (text: string) => void };

/** One thing an expectation is told. */
function Told({ argument, value, change }: ToldProps) {
  const { name, kind, needed, about, choices } = argument;
  const id = useId();
  if (kind === "other") return null;
  const given = { "aria-describedby": id, value, required: needed };
  return (
    <label>
      {name.replaceAll("_", " ").trim()}
      {choices.length > 0 || kind === "yes or no" ? (
        <select {...given} onChange={(event) => change(event.target.value)}>
          <option value="">as it is by itself</option>
          {kind === "yes or no" ? (
            <>
              <option value="true">yes</option>
              <option value="false">no</option>
            </>
          ) : (
            choices.map((each) => <option key={each}>{each}</option>)
          )}
        </select>
      ) : kind === "list" ? (
        <textarea {...given} rows={3} spellCheck={false} onChange={(event) => change(event.target.value)} />
      ) : (
        <input {...given} spellCheck={false} inputMode={kind === "number" ? "decimal" : "text"} onChange={(event) => change(event.target.value)} />
      )}
      <small id={id}>
        {kind === "list" && "One a line. "}
        {about}
      </small>
    </label>
  );
}
