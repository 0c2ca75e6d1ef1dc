import { Fragment, useState } from "react";

import type { MappingField, MappingView, Suggestion } from "../api/client";
import { DraftBar } from "../components/DraftBar";
import { History } from "../components/History";
import { Drifts } from "../components/Drifts";
import { Link } from "../components/Link";
import { Others } from "../components/Others";
import { ReadOnly } from "../components/ReadOnly";
import { MappingCanvas } from "../components/MappingCanvas";
import { Why } from "../components/Noted";
import { PartOptions } from "../components/PartOptions";
import { RuleEditor } from "../components/RuleEditor";
import { Shown } from "../components/Shown";
import { Decision, Suggestions, SureOnes } from "../components/Suggestions";
import { type Row, targetKey } from "../model/canvas";
import { keepView, keyOf, partOf, unruled, type View, viewKept } from "../model/mapping";
import { useChange, useMapping, useSides } from "../queries/design";

/** A mapping as a table: each target field with its rule, what it makes of recent records, and what fails. */
export function MappingPage({ name }: { name: string }) {
  const query = useMapping(name);
  return (
    <main className="mapping">
      <p>
        <Link to={{ page: "files" }}>← Flows, mappings and gates</Link>
      </p>
      <Shown query={query} what="the mapping">
        {(mapping) => <Mapping mapping={mapping} />}
      </Shown>
    </main>
  );
}

function Mapping({ mapping }: { mapping: MappingView }) {
  const [sample, setSample] = useState(0);
  const [edited, setEdited] = useState<MappingField | null>(null);
  const [view, setView] = useState<View>(viewKept);
  const [tried, setTried] = useState<MappingView | null>(null);
  const sides = useSides(mapping.name);
  const suggestions = sides.data?.suggestions ?? [];
  const look = (next: View) => {
    keepView(next);
    setView(next);
  };
  const current = edited && (mapping.fields.find((each) => keyOf(each.location) === keyOf(edited.location)) ?? edited);
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
      <Others file={mapping} what="mapping" />
      {mapping.may_edit ? (
        <DraftBar kind="mappings" file={mapping} begin="Choose a field to change its rule" />
      ) : (
        <ReadOnly what="mapping">{!mapping.values && "Those see what it makes of records who may edit these DAGs."}</ReadOnly>
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
      <Drifts mapping={mapping} />
      <SureOnes mapping={mapping} suggestions={suggestions} />
      <Why error={sides.error} />
      <div className="bar" role="group" aria-label="Shown as">
        {(["table", "drawing"] as const).map((each) => (
          <button key={each} aria-pressed={view === each} onClick={() => look(each)}>
            {each === "table" ? "Table" : "Drawing"}
          </button>
        ))}
      </div>
      {view === "drawing" && sides.data && (
        <>
          <MappingCanvas
            mapping={tried ?? mapping}
            sides={sides.data}
            selected={current && targetKey(current.part, current.number ?? 0, current.field)}
            select={(row) => setEdited(fieldOf(mapping, row))}
          />
          {current && (
            <ChosenField mapping={mapping} field={current} suggestions={suggestions} close={() => setEdited(null)} tried={setTried} />
          )}
        </>
      )}
      {view === "table" &&
        mapping.parts.map((part) => (
          <section key={part}>
            <h2 id={`part-${part}`}>{part.replaceAll("_", " ")}</h2>
            <PartOptions mapping={mapping} part={part} />
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
                    const isEdited = current !== null && keyOf(current.location) === key;
                    return (
                      <Fragment key={key}>
                        <FieldRow
                          field={field}
                          mapping={mapping}
                          sample={shown}
                          isEdited={isEdited}
                          edit={() => setEdited(isEdited ? null : field)}
                        />
                        {isEdited && (
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
            <Suggestions mapping={mapping} suggestions={suggestions.filter((each) => each.part === part)} />
          </section>
        ))}
      {view === "table" &&
        otherParts(mapping, suggestions).map((part) => (
          <section key={part}>
            <h2>{part.replaceAll("_", " ")}, not in the mapping yet</h2>
            <Suggestions mapping={mapping} suggestions={suggestions.filter((each) => each.part === part)} />
          </section>
        ))}
      <History kind="mappings" file={mapping} />
    </>
  );
}

/** Parts of the target that the mapping makes nothing of. */
function otherParts(mapping: MappingView, suggestions: Suggestion[]): string[] {
  return [...new Set(suggestions.map((each) => each.part))].filter((part) => !mapping.parts.includes(part));
}

/** The field of a row of the target: as it is, or as one without a rule; none of a part that is not there. */
function fieldOf(mapping: MappingView, row: Row): MappingField {
  const location = row.field?.location ?? row.location ?? [];
  // a row may be of a rule that is only being written
  return mapping.fields.find((each) => keyOf(each.location) === keyOf(location)) ?? unruled(row.part, row.number, row.label, location);
}

type ChosenProps = { mapping: MappingView; field: MappingField; suggestions: Suggestion[]; close: () => void; tried: (mapping: MappingView | null) => void };

/** What is chosen in the drawing: its rule, or what may become one. */
function ChosenField({ mapping, field, suggestions, close, tried }: ChosenProps) {
  const suggestion = field.rule ? undefined : suggestions.find((each) => each.part === field.part && each.field === field.field);
  return (
    <section className="card" aria-label={`Chosen: ${field.field}`}>
      <h2>{field.field}</h2>
      {field.failures.slice(0, 1).map((each) => (
        <p key={each.sample} className="bad">
          {field.failures.length} of {mapping.samples.length}: {each.message ?? each.code}
        </p>
      ))}
      {suggestion && <Decision key={suggestion.target} mapping={mapping} suggestion={suggestion} cell="p" />}
      {field.location.length === 0 ? (
        <p className="quiet">The mapping has no {field.part.replaceAll("_", " ")} yet: the first line to it, or an accepted suggestion, begins the part.</p>
      ) : (
        mapping.may_edit && <RuleEditor key={keyOf(field.location)} mapping={mapping} field={field} close={close} tried={tried} />
      )}
    </section>
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
