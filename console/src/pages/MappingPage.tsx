import { Fragment, useState } from "react";

import type { MappingField, MappingView } from "../api/client";
import { DraftBar } from "../components/DraftBar";
import { History } from "../components/History";
import { Link } from "../components/Link";
import { Why } from "../components/Noted";
import { RuleEditor } from "../components/RuleEditor";
import { Shown } from "../components/Shown";
import { instant } from "../model/format";
import { keyOf, partOf } from "../model/mapping";
import { useChange, useMapping } from "../queries/design";

/** A mapping as a table: each target field with its rule, what it makes of recent records, and what fails. */
export function MappingPage({ name }: { name: string }) {
  const query = useMapping(name);
  return (
    <main className="mapping">
      <p>
        <Link to={{ page: "files" }}>← Flows and mappings</Link>
      </p>
      <Shown query={query} what="the mapping">
        {(mapping) => <Mapping mapping={mapping} />}
      </Shown>
    </main>
  );
}

function Mapping({ mapping }: { mapping: MappingView }) {
  const [sample, setSample] = useState(0);
  const [edited, setEdited] = useState<string | null>(null);
  const shown = Math.min(sample, Math.max(0, mapping.samples.length - 1));
  const failing = mapping.fields.filter((each) => each.failures.length + each.problems.length > 0).length;
  const elsewhere = mapping.problems.filter((each) => each.field === null);
  return (
    <>
      <header>
        <h1>{mapping.name.replaceAll("_", " ")}</h1>
        <p>
          <code>{mapping.reads || "?"}</code> → <code>{mapping.writes || "?"}</code> {mapping.description}
        </p>
        <p className="quiet">
          {mapping.fields.length} fields, {mapping.required} required. Used by {mapping.used_by.join(", ") || "no leg"}.
        </p>
      </header>
      {mapping.others.map((each) => (
        <p key={each.by} className="note" role="status">
          {each.by} has a draft of this mapping too, changed {instant(each.changed_at)}. Who publishes second takes the first one's changes in.
        </p>
      ))}
      {mapping.may_edit ? (
        <DraftBar kind="mappings" file={mapping} begin="Choose a field to change its rule" />
      ) : (
        <p className="note">Those edit a mapping, and see what it makes of records, who may edit the DAGs of all legs that use it.</p>
      )}
      <p role="status" className={mapping.problems.length > 0 ? "bad" : "quiet"}>
        {mapping.problems.length > 0
          ? `The check finds ${mapping.problems.length} problem${mapping.problems.length > 1 ? "s" : ""}.`
          : `The check finds nothing wrong. ${mapping.samples.length} recent records tried, ${failing ? `${failing} fields fail.` : "no field fails."}`}
      </p>
      {elsewhere.map((each) => (
        <p key={`${each.line} ${each.message}`} className="note bad">
          Line {each.line}: {each.message} {each.remedy}
        </p>
      ))}
      {mapping.values && mapping.samples.length > 0 && (
        <div className="bar">
          <label>
            Sample{" "}
            <select value={shown} onChange={(event) => setSample(Number(event.target.value))}>
              {mapping.samples.map((each, at) => (
                <option key={each} value={at}>
                  {each}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {mapping.parts.map((part) => (
        <section key={part}>
          <h2 id={`part-${part}`}>{part.replaceAll("_", " ")}</h2>
          <table className="rules" aria-labelledby={`part-${part}`}>
            <thead>
              <tr>
                <th scope="col">Target field</th>
                <th scope="col">Rule</th>
                <th scope="col">Reads</th>
                {mapping.values && <th scope="col">Before</th>}
                {mapping.values && <th scope="col">After</th>}
                <th scope="col">Fails</th>
              </tr>
            </thead>
            <tbody>
              {mapping.fields
                .filter((each) => each.part === part)
                .map((field) => {
                  const key = keyOf(field.location);
                  return (
                    <Fragment key={key}>
                      <FieldRow
                        field={field}
                        mapping={mapping}
                        sample={shown}
                        isEdited={edited === key}
                        edit={() => setEdited(edited === key ? null : key)}
                      />
                      {edited === key && (
                        <tr className="editor">
                          <td colSpan={mapping.values ? 6 : 4}>
                            <RuleEditor key={key} mapping={mapping} field={field} close={() => setEdited(null)} />
                          </td>
                        </tr>
                      )}
                    </Fragment>
                  );
                })}
            </tbody>
          </table>
          {mapping.may_edit && <NewField mapping={mapping} part={part} />}
        </section>
      ))}
      <History kind="mappings" file={mapping} />
    </>
  );
}

type RowProps = { field: MappingField; mapping: MappingView; sample: number; isEdited: boolean; edit: () => void };

function FieldRow({ field, mapping, sample, isEdited, edit }: RowProps) {
  const fails = field.failures.length + field.problems.length > 0;
  return (
    <tr className={fails ? "fault" : undefined}>
      <th scope="row">
        {mapping.may_edit ? (
          <button className="plain field" aria-expanded={isEdited} onClick={edit}>
            {field.field}
          </button>
        ) : (
          field.field
        )}
        <small>
          {partOf(field)}
          {field.required && " required"}
          {field.is_helper && " helper, not sent"}
        </small>
      </th>
      <td>
        <code className="rule" title={field.words.join("\n")}>
          {field.rule}
        </code>
      </td>
      <td className="free">{field.source.join(", ") || "–"}</td>
      {mapping.values && <td className="free">{field.before[sample] || "–"}</td>}
      {mapping.values && <td className="free">{field.after[sample] || "–"}</td>}
      <td className="free">
        {field.problems.map((each) => (
          <p key={each.message} className="bad">
            {each.message}
          </p>
        ))}
        {field.failures.length > 0 && (
          <p className="bad">
            {field.failures.length} of {mapping.samples.length}: {field.failures[0]?.message ?? field.failures[0]?.code}
          </p>
        )}
        {!fails && "–"}
      </td>
    </tr>
  );
}

/** A field that is not there yet. */
function NewField({ mapping, part }: { mapping: MappingView; part: string }) {
  const [name, setName] = useState("");
  const [written, setWritten] = useState("");
  const change = useChange(mapping.name);
  const last = mapping.fields.filter((each) => each.part === part).at(-1);
  if (last === undefined) return null;
  return (
    <details>
      <summary>Add a field</summary>
      <form
        className="buttons padded"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(
            { seen: mapping.draft?.version ?? 0, location: [...last.location.slice(0, -1), name.trim()], written },
            {
              onSuccess: () => {
                setName("");
                setWritten("");
              },
            },
          );
        }}
      >
        <input required aria-label={`New field of ${part}`} placeholder="target field" value={name} onChange={(event) => setName(event.target.value)} />
        <input required className="grows" aria-label={`Rule of the new field of ${part}`} placeholder="{from: a_path}" value={written} onChange={(event) => setWritten(event.target.value)} />
        <button disabled={!name.trim() || !written.trim() || change.isPending}>Add it to the draft</button>
        <Why error={change.error} />
      </form>
    </details>
  );
}
