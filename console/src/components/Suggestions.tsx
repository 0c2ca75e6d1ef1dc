import { useState } from "react";

import type { MappingView, Suggestion } from "../api/client";
import { useDecide } from "../queries/design";
import { Why } from "./Noted";

type Props = { mapping: MappingView; suggestions: Suggestion[] };

/** All that is sure, taken at once. */
export function SureOnes({ mapping, suggestions }: Props) {
  const decide = useDecide(mapping.name);
  const sure = suggestions.filter((each) => each.band === "sure");
  const likely = suggestions.filter((each) => each.band === "likely").length;
  if (!mapping.may_edit || suggestions.length === 0) return null;
  return (
    <div className="buttons">
      <span role="status">
        {suggestions.length} fields of the target have no rule; for {sure.length} a source is sure, for {likely} likely.
      </span>
      {sure.length > 0 && (
        <button
          disabled={decide.isPending}
          onClick={() =>
            decide.mutate({
              seen: mapping.draft?.version ?? 0,
              accepted: sure.map((each) => ({ target: each.target, source: each.candidates[0]?.path ?? "" })),
              refused: [],
            })
          }
        >
          Accept all {sure.length} sure ones
        </button>
      )}
      <Why error={decide.error} />
    </div>
  );
}

/** The fields of a part that have no rule, each with what may go into it. */
export function Suggestions({ mapping, suggestions }: Props) {
  const near = suggestions.filter((each) => each.band !== "open" || each.required);
  const open = suggestions.filter((each) => !near.includes(each));
  if (suggestions.length === 0) return null;
  return (
    <>
      {near.length > 0 && <SuggestionTable mapping={mapping} suggestions={near} caption="Without a rule" />}
      {open.length > 0 && (
        <details>
          <summary>{open.length} more without a rule</summary>
          <SuggestionTable mapping={mapping} suggestions={open} caption="Nothing is likely" />
        </details>
      )}
    </>
  );
}

function SuggestionTable({ mapping, suggestions, caption }: Props & { caption: string }) {
  return (
    <table className="suggestions">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Target field</th>
          <th scope="col">May come from</th>
          <th scope="col">Why</th>
          <th scope="col">Decide</th>
        </tr>
      </thead>
      <tbody>
        {suggestions.map((each) => (
          <SuggestionRow key={each.target} mapping={mapping} suggestion={each} />
        ))}
      </tbody>
    </table>
  );
}

function SuggestionRow({ mapping, suggestion }: { mapping: MappingView; suggestion: Suggestion }) {
  return (
    <tr>
      <th scope="row">
        {suggestion.field}
        <small>
          {suggestion.required && "required "}
          {suggestion.about}
        </small>
      </th>
      <Decision mapping={mapping} suggestion={suggestion} cell="td" />
    </tr>
  );
}

/** Which source goes into a field, how sure that is and why, and the two answers. */
export function Decision({ mapping, suggestion, cell: Cell }: { mapping: MappingView; suggestion: Suggestion; cell: "td" | "p" }) {
  const [path, setPath] = useState<string | null>(null);
  const decide = useDecide(mapping.name);
  const { candidates, target, field, band } = suggestion;
  const chosen = candidates.find((each) => each.path === path) ?? candidates[0];
  if (chosen === undefined)
    return (
      <>
        <Cell className="quiet">nothing</Cell>
        <Cell>–</Cell>
        <Cell>–</Cell>
      </>
    );
  const answer = (accepted: boolean) => {
    const pair = [{ target, source: chosen.path }];
    decide.mutate({ seen: mapping.draft?.version ?? 0, accepted: accepted ? pair : [], refused: accepted ? [] : pair });
  };
  const isFirst = chosen === candidates[0];
  return (
    <>
      <Cell>
        {candidates.length > 1 ? (
          <select aria-label={`Source of ${field}`} value={chosen.path} onChange={(event) => setPath(event.target.value)}>
            {candidates.map((each) => (
              <option key={each.path}>{each.path}</option>
            ))}
          </select>
        ) : (
          <code>{chosen.path}</code>
        )}{" "}
        <span className={isFirst && band === "sure" ? "state good" : "state quiet"}>
          {isFirst ? band : "other"} {chosen.confidence.toFixed(2)}
        </span>
      </Cell>
      <Cell className="free">
        {chosen.reason}
        <code className="rule">{chosen.rule}</code>
      </Cell>
      <Cell>
        {mapping.may_edit ? (
          <>
            <button disabled={decide.isPending} aria-label={`Accept ${chosen.path} for ${field}`} onClick={() => answer(true)}>
              Accept
            </button>{" "}
            <button disabled={decide.isPending} aria-label={`Refuse ${chosen.path} for ${field}`} onClick={() => answer(false)}>
              Refuse
            </button>
            <Why error={decide.error} />
          </>
        ) : (
          "–"
        )}
      </Cell>
    </>
  );
}
