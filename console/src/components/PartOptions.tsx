import { useState } from "react";

import type { MappingView, PartOption } from "../api/client";
import { asField, keyOf } from "../model/mapping";
import { RuleEditor } from "./RuleEditor";

/** What a part says beside its fields: which rows it has, how they are split and grouped. */
export function PartOptions({ mapping, part }: { mapping: MappingView; part: string }) {
  const [edited, setEdited] = useState<PartOption | null>(null);
  const options = mapping.options.filter((each) => each.part === part);
  const there = options.filter((each) => each.is_there);
  const current = edited && (options.find((each) => keyOf(each.location) === keyOf(edited.location)) ?? edited);
  const named = (each: PartOption) => (each.number === null ? each.option : `${each.option} of ${part} ${each.number + 1}`);
  if (there.length === 0 && !mapping.may_edit) return null;
  return (
    <>
      <div className="buttons" role="group" aria-label={`Rows of ${part.replaceAll("_", " ")}`}>
        {there.map((each) =>
          mapping.may_edit ? (
            <button key={keyOf(each.location)} aria-expanded={current === each} onClick={() => setEdited(current === each ? null : each)}>
              {named(each)}: <code>{each.rule}</code>
            </button>
          ) : (
            <span key={keyOf(each.location)}>
              {named(each)}: <code>{each.rule}</code>
            </span>
          ),
        )}
        {mapping.may_edit && (
          <select
            aria-label={`More of the rows of ${part.replaceAll("_", " ")}`}
            value=""
            onChange={(event) => setEdited(options.find((each) => keyOf(each.location) === event.target.value) ?? null)}
          >
            <option value="">rows …</option>
            {options
              .filter((each) => !each.is_there)
              .map((each) => (
                <option key={keyOf(each.location)} value={keyOf(each.location)}>
                  {named(each)}
                </option>
              ))}
          </select>
        )}
      </div>
      {current && <RuleEditor key={keyOf(current.location)} option mapping={mapping} field={asField(current)} close={() => setEdited(null)} />}
    </>
  );
}
