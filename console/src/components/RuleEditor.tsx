import { useDeferredValue, useEffect, useId, useState } from "react";

import type { MappingField, MappingView } from "../api/client";
import { fieldAt, keyOf } from "../model/mapping";
import { madeOf, pathsOf } from "../model/paths";
import type { Schema } from "../model/schema";
import { type Value, yamlOf } from "../model/yaml";
import { useChange, useLanguage, usePreview, useSides } from "../queries/design";
import { Coded } from "./Coded";
import { Why } from "./Noted";
import { RuleForm } from "./RuleForm";

/** `option`: the field is none, but what its part says beside them. */
type Props = {
  mapping: MappingView;
  field: MappingField;
  option?: boolean;
  close: () => void;
  /** Hears the mapping as it would be with what is written; null where nothing is, or nothing that can be read. */
  tried?: (mapping: MappingView | null) => void;
};

/** How long nothing is typed before the rule is tried. */
const PAUSE_MS = 120;

/** A field's rule, and what it makes of the samples while it is being written. */
export function RuleEditor({ mapping, field, option = false, close, tried: tell }: Props) {
  const [written, setWritten] = useState(field.rule);
  const [formed, setFormed] = useState<Value | undefined>(field.rule ? undefined : "");
  const settled = useSettled(written);
  const preview = usePreview(mapping.name, field.location, settled === field.rule ? null : settled);
  const change = useChange(mapping.name);
  const told = useId();
  const shown = useDeferredValue(preview.data ?? mapping);
  const tried = fieldAt(shown, field.location) ?? field;
  // one that breaks the file's form is no mapping: what it was is shown on
  const readable = settled !== field.rule && preview.data?.reads ? preview.data : null;
  useEffect(() => tell?.(readable), [tell, readable]);
  useEffect(() => () => tell?.(null), [tell]);
  const isTried = written === field.rule || (settled === written && preview.data !== undefined && !preview.isPlaceholderData);
  const keep = (text: string | null) =>
    change.mutate({ seen: mapping.draft?.version ?? 0, location: field.location, written: text }, { onSuccess: close });
  const others = shown.fields.filter((each) => each.failures.length + each.problems.length > 0 && keyOf(each.location) !== keyOf(field.location));
  return (
    <form
      className="correction"
      aria-label={`Rule of ${field.field}`}
      onSubmit={(event) => {
        event.preventDefault();
        keep(written);
      }}
    >
      <div className="beside">
        <FormOf
          mapping={mapping}
          field={field}
          option={option}
          value={formed ?? (isTried && tried.no_form == null ? (tried.form as Value) : undefined)}
          why={isTried ? (tried.no_form ?? null) : null}
          change={(value) => {
            setFormed(value);
            setWritten(yamlOf(value));
          }}
        />
        <label>
          Rule of {field.field}
          {field.line > 0 && `, line ${field.line}`}
          <textarea
            autoFocus
            spellCheck={false}
            aria-describedby={told}
            rows={Math.min(14, written.split("\n").length + 1)}
            value={written}
            onChange={(event) => {
              setWritten(event.target.value);
              setFormed(undefined);
            }}
            onKeyDown={(event) => {
              if (event.key === "Escape") close();
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keep(written);
            }}
          />
        </label>
      </div>
      <div id={told} aria-live="polite" aria-busy={preview.isFetching}>
        <Why error={preview.error} />
        {tried.problems.map((each) => (
          <p key={each.message} className="bad">
            {each.message} {each.remedy}
          </p>
        ))}
        {tried.words.map((each) => (
          <p key={each} className="quiet words">
            <Coded text={each} />
          </p>
        ))}
        {others.length > 0 && <p className="bad">Also fails: {others.map((each) => each.field).join(", ")}.</p>}
      </div>
      {shown.values && shown.samples.length > 0 && (
        <table>
          <caption>What it makes of recent records</caption>
          <thead>
            <tr>
              <th scope="col">Record</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
              <th scope="col">Fails</th>
            </tr>
          </thead>
          <tbody>
            {shown.samples.map((sample, at) => {
              const failure = tried.failures.find((each) => each.sample === sample);
              return (
                <tr key={sample} className={failure ? "fault" : undefined}>
                  <th scope="row">{sample}</th>
                  <td className="free">{tried.before[at] || "–"}</td>
                  <td className="free">{tried.after[at] || "–"}</td>
                  <td className="free">
                    {failure ? (
                      <>
                        <code>{failure.code}</code> {failure.message} {failure.remedy}
                      </>
                    ) : (
                      "–"
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      <div className="buttons">
        <button className="main" disabled={written === field.rule || change.isPending}>
          Keep it in my draft
        </button>
        <button type="button" onClick={close}>
          Leave it as it was
        </button>
        {field.rule && (
          <button type="button" disabled={change.isPending} onClick={() => keep(null)}>
            Take the field away
          </button>
        )}
      </div>
      <Why error={change.error} />
    </form>
  );
}

type FormProps = {
  mapping: MappingView;
  field: MappingField;
  option: boolean;
  value: Value | undefined;
  /** Why no form shows it. */
  why: string | null;
  change: (value: Value) => void;
};

/** The same rule as a form, which writes its YAML anew. */
function FormOf({ mapping, field, option, value, why, change }: FormProps) {
  const language = useLanguage();
  const sides = useSides(mapping.name);
  if (why !== null) return <p className="quiet">This rule stays YAML: {why}, which a form would lose.</p>;
  if (value === undefined || language.data === undefined) return <p className="quiet">The form follows what is written.</p>;
  const whole = language.data.mapping_schema as Schema;
  const part = whole.$defs?.Part?.properties ?? {};
  const known = {
    whole,
    language: language.data,
    paths: pathsOf(mapping, sides.data, field.part, field.number),
    made: madeOf(mapping, field.part, field.number),
  };
  const schema = option ? (part[field.field] ?? {}) : { $ref: "#/$defs/Rule" };
  return (
    <div className="formed">
      <RuleForm schema={schema} value={value} change={change} known={known} label={field.field} name={field.field} />
    </div>
  );
}

/** What was typed last, once nothing was typed for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
