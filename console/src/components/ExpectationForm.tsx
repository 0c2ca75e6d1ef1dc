import { useId, useState } from "react";

import type { ExpectationOffered, ExpectationView, GateView } from "../api/client";
import { added, changed, expectationWords, isWhole, NEW, type Wanted, wantedOf } from "../model/gate";
import { type GateEdits, useGatePreview } from "../queries/gates";
import { useSettled } from "../queries/settled";
import { Why } from "./Noted";
import { Stopped } from "./Stopped";

type Props = { gate: GateView; gateEdits: GateEdits; menu: ExpectationOffered[]; known?: ExpectationView; close: () => void };

/** An expectation from the menu, and what it makes of recent documents while it is being chosen. */
export function ExpectationForm({ gate, gateEdits, menu, known, close }: Props) {
  const [wanted, want] = useState<Wanted>(known ? wantedOf(known) : { ...NEW, part: gate.fields[0]?.part ?? "header" });
  const offered = menu.find((each) => each.name === wanted.expect);
  const whole = offered !== undefined && isWhole(wanted, offered);
  const edits = !whole ? [] : known ? changed(known, wanted, offered) : added(gate, wanted, offered);
  const settled = useSettled(edits);
  const preview = useGatePreview(gate.name, settled);
  const told = useId();
  const fields = gate.fields.filter((each) => each.part === wanted.part);
  const put = (some: Partial<Wanted>) => want({ ...wanted, ...some });
  const shown = settled.length > 0 ? preview.data : undefined;
  const at = known?.at ?? gate.expectations.length;
  const name = known ? `${known.column}: ${expectationWords(known.expect)}` : "New expectation";
  return (
    <form
      className="correction expectation"
      aria-label={name}
      onKeyDown={(event) => event.key === "Escape" && close()}
      onSubmit={(event) => {
        event.preventDefault();
        gateEdits.edit(edits, close);
      }}
    >
      <div className="beside">
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
      </div>
      <div id={told} role="status" aria-busy={preview.isFetching}>
        <Why error={preview.error} />
        {shown?.problems.map((each) => (
          <p key={each.message} className="bad">
            {each.message} {each.remedy}
          </p>
        ))}
        {shown && <Stopped gate={shown} only={at} />}
        {!whole && <p className="quiet">It is tried on recent documents as soon as enough is said.</p>}
      </div>
      <div className="buttons">
        <button className="main" disabled={edits.length === 0 || gateEdits.isPending}>
          {known ? "Keep it in the draft" : "Add it to the draft"}
        </button>
        {known && (
          <button
            type="button"
            disabled={gateEdits.isPending}
            onClick={() => gateEdits.edit([{ do: "take_away", location: known.location }], close)}
          >
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
