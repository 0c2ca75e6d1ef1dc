import { type ReactNode, useEffect, useId, useState } from "react";

import type { Edit, FlowView, Place } from "../../api/client";
import { isWithin, putOrTake } from "../../model/flow";
import { type Design, useFlowPreview } from "../../queries/flow";

/** How long nothing is typed before what is typed is checked. */
const PAUSE_MS = 250;

type Props = { flow: FlowView; design: Design; at: Place; label: string; value: string; options?: string[]; hint?: string };

/** A text of a flow file: checked while it is typed, kept when the field is left or Enter is pressed. */
export function Field({ flow, design, at, label, value, options, hint }: Props) {
  const [typed, setTyped] = useState(value);
  const told = useId();
  useEffect(() => setTyped(value), [value]);
  const edits = typed === value ? [] : putOrTake(at, typed, value !== "");
  const wrong = useWrong(flow, edits, at);
  return (
    <label>
      {label}
      <input
        value={typed}
        disabled={!flow.may_edit}
        list={options && `${told}-options`}
        aria-describedby={told}
        aria-invalid={wrong.length > 0}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={() => design.edit(edits)}
        onKeyDown={(event) => {
          if (event.key === "Enter") design.edit(edits);
          if (event.key === "Escape") setTyped(value);
        }}
      />
      {options && (
        <datalist id={`${told}-options`}>
          {options.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
      <small id={told}>
        {hint}
        <Said wrong={wrong} />
      </small>
    </label>
  );
}

function Said({ wrong }: { wrong: string[] }) {
  return (
    <span role="status" className="bad">
      {wrong.join(" ")}
    </span>
  );
}

/** What would be wrong at a place with these changes, once nothing is typed for a moment. */
export function useWrong(flow: FlowView, edits: Edit[], at: Place): string[] {
  const written = JSON.stringify(edits);
  const [settled, setSettled] = useState<Edit[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(written) as Edit[]), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [written]);
  const preview = useFlowPreview(flow.name, settled);
  if (edits.length === 0 || settled.length === 0) return [];
  if (preview.error) return [preview.error.message];
  return (preview.data?.problems ?? []).filter((each) => isWithin(each.at, at) || isWithin(at, each.at)).map((each) => `${each.message} ${each.remedy}`);
}

type ChoiceProps = { flow: FlowView; design: Design; at: Place; label: string; value: string; children: ReactNode };

/** One of several; kept when it is chosen. */
export function Choice({ flow, design, at, label, value, children }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={value} disabled={!flow.may_edit} onChange={(event) => design.edit(putOrTake(at, event.target.value, value !== ""))}>
        {children}
      </select>
    </label>
  );
}

/** Something that is so or not. */
export function Flag({ flow, design, at, label, value }: { flow: FlowView; design: Design; at: Place; label: string; value: boolean }) {
  return (
    <label className="check">
      <input type="checkbox" checked={value} disabled={!flow.may_edit} onChange={(event) => design.edit(putOrTake(at, event.target.checked, value))} />
      {label}
    </label>
  );
}

/** Some of several names. */
export function Several({ flow, design, at, label, value, options }: { flow: FlowView; design: Design; at: Place; label: string; value: string[]; options: string[] }) {
  const all = [...new Set([...value, ...options])];
  return (
    <details className="several">
      <summary>
        {label}: {value.join(", ").replaceAll("_", " ") || "none"}
      </summary>
      <fieldset disabled={!flow.may_edit}>
        <legend className="unseen">{label}</legend>
        {all.map((each) => (
          <label key={each} className="check">
            <input
              type="checkbox"
              checked={value.includes(each)}
              onChange={(event) => {
                const left = event.target.checked ? [...value, each] : value.filter((one) => one !== each);
                design.edit(putOrTake(at, left, value.length > 0));
              }}
            />
            {each.replaceAll("_", " ")}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

/** What stands in the file, to be written by hand. */
export function Written({ flow, design, at, written }: { flow: FlowView; design: Design; at: Place; written: string }) {
  const [typed, setTyped] = useState(written);
  useEffect(() => setTyped(written), [written]);
  const edits: Edit[] = typed === written ? [] : [{ do: "write", location: at, written: typed }];
  const wrong = useWrong(flow, edits, at);
  return (
    <details>
      <summary>As it is written</summary>
      <div className="padded">
        <label>
          YAML of the file
          <textarea spellCheck={false} rows={Math.min(16, typed.split("\n").length + 1)} value={typed} disabled={!flow.may_edit} onChange={(event) => setTyped(event.target.value)} />
        </label>
        <Said wrong={wrong} />
        <button disabled={edits.length === 0} onClick={() => design.edit(edits)}>
          Keep it in my draft
        </button>
      </div>
    </details>
  );
}
