import { type ReactNode, useId } from "react";

import type { Language } from "../api/client";
import { BESIDE, blankOf, itemOf, kindOf, longRule, originOf, resolved, type Schema, shortRule } from "../model/schema";
import { type Entries, isEntries, isWritten, numberOf, type Value } from "../model/yaml";
import { Coded } from "./Coded";
import { Completed } from "./Completed";

/** What a form knows of the language, and the names it offers. */
export type Known = { whole: Schema; language: Language; paths: string[]; made: string[] };

type Props = { schema: Schema; value: Value; change: (value: Value) => void; known: Known; label: string; name?: string };

/** Keys whose texts are paths of the row; those of a rule's `of` are rules, and have a form of their own. */
const PATHS = ["from", "of", "by", "on", "each"];

/** What stands at a place of a mapping, as a form for the kind of thing that it takes. */
export function RuleForm(props: Props): ReactNode {
  const { schema, value, change, known, label, name = "" } = props;
  const { whole, language } = known;
  switch (kindOf(schema, whole)) {
    case "rule":
      return <RuleFields {...props} />;
    case "condition":
      return <ConditionFields {...props} />;
    case "fields":
      return <Fields {...props} value={isEntries(value) ? value : {}} />;
    case "entries":
      return <EntryFields {...props} />;
    case "list":
      return <ListFields {...props} />;
    case "always":
      return <span className="quiet">yes</span>;
    case "flag":
      return <input type="checkbox" aria-label={label} checked={value === true} onChange={(event) => change(event.target.checked)} />;
    case "words":
      return <Chosen label={label} value={String(value)} words={resolved(schema, whole).enum ?? []} change={change} />;
    case "number":
      return <input aria-label={label} inputMode="numeric" size={6} value={shownOf(value)} onChange={(event) => change(numberOf(event.target.value) ?? event.target.value)} />;
    case "text":
      if (name === "expr") return <Completed label={label} value={shownOf(value)} words={[...known.paths, ...language.functions]} change={change} />;
      if (name === "template") return <Completed label={label} value={shownOf(value)} words={known.paths} change={change} />;
      if (PATHS.includes(name)) return <Completed whole label={label} value={shownOf(value)} words={known.paths} change={change} />;
      if (name === "group") return <Completed whole label={label} value={shownOf(value)} words={known.made} change={change} />;
      if (name === "table") return <Completed whole label={label} value={shownOf(value)} words={language.tables} change={change} />;
      return <input aria-label={label} spellCheck={false} value={shownOf(value)} onChange={(event) => change(event.target.value)} />;
    case "value":
      return <Constant label={label} value={value} change={change} />;
  }
}

/** One origin of the value, and what else a rule says. */
function RuleFields({ schema, value, change, known, label }: Props) {
  const rule = longRule(value);
  const long = resolved(schema, known.whole).anyOf?.find((each) => each.type === "object") ?? {};
  const properties = long.properties ?? {};
  const origin = originOf(rule);
  const origins = Object.keys(properties).filter((key) => !BESIDE.includes(key));
  const put = (next: Entries) => change(shortRule(next));
  const turn = (to: string) => {
    const kept = Object.entries(rule).filter(([key]) => BESIDE.includes(key) && key !== "then" && key !== "else");
    const blank: Entries = { [to]: blankOf(properties[to] ?? {}, known.whole) };
    // a condition without what it chooses is no rule
    const chosen: Entries = to === "when" ? { then: shortRule(origin ? withoutBeside(rule) : { from: "" }) } : {};
    put({ ...blank, ...chosen, ...Object.fromEntries(kept) });
  };
  const withWhen = (key: string) => origin === "when" || (key !== "then" && key !== "else");
  const beside = BESIDE.filter((key) => key in rule && withWhen(key));
  return (
    <fieldset className="form">
      <legend>{label}</legend>
      <Row label="Takes its value from" about={properties[origin ?? ""]?.description}>
        <Chosen label={`${label}: takes its value from`} value={origin ?? ""} words={origin ? origins : ["", ...origins]} change={(to) => turn(String(to))} />
        {origin && (
          <RuleForm
            schema={properties[origin] ?? {}}
            value={rule[origin] ?? ""}
            change={(next) => put(replaced(rule, origin, next))}
            known={known}
            label={`${label} ${origin}`}
            name={origin}
          />
        )}
      </Row>
      {beside.map((key) => (
        <Entry key={key} name={key} schema={properties[key] ?? {}} value={rule[key] ?? ""} known={known} label={label} change={(next) => put(replaced(rule, key, next))} remove={key === "then" ? null : () => put(without(rule, key))} />
      ))}
      <Add
        label={`More for ${label}`}
        words={BESIDE.filter((key) => !(key in rule) && withWhen(key))}
        add={(key) => put({ ...rule, [key]: blankOf(properties[key] ?? {}, known.whole) })}
      />
    </fieldset>
  );
}

/** The keys of a thing: what it needs, what it has, and a way to what it may have. */
function Fields({ schema, value, change, known, label }: Props & { value: Entries }) {
  const properties = resolved(schema, known.whole).properties ?? {};
  const needed = resolved(schema, known.whole).required ?? [];
  const there = Object.keys(properties).filter((key) => key in value || needed.includes(key));
  return (
    <fieldset className="form">
      <legend>{label}</legend>
      {there.map((key) => (
        <Entry key={key} name={key} schema={properties[key] ?? {}} value={value[key] ?? ""} known={known} label={label} change={(next) => change(replaced(value, key, next))} remove={needed.includes(key) ? null : () => change(without(value, key))} />
      ))}
      <Add label={`More for ${label}`} words={Object.keys(properties).filter((key) => !there.includes(key))} add={(key) => change(replaced(value, key, blankOf(properties[key] ?? {}, known.whole)))} />
    </fieldset>
  );
}

type EntryProps = Props & { name: string; remove: (() => void) | null };

function Entry({ name, schema, value, known, label, change, remove }: EntryProps) {
  return (
    <Row label={name} about={resolved(schema, known.whole).description}>
      <RuleForm schema={schema} value={value} change={change} known={known} label={`${label} ${name}`} name={name} />
      {remove && (
        <button type="button" className="plain" aria-label={`Without ${name} of ${label}`} onClick={remove}>
          ×
        </button>
      )}
    </Row>
  );
}

/** Tests that must all hold: each a path with what it is compared with, or `all`, `any`, `not`, `expr`. */
function ConditionFields({ schema, value, change, known, label }: Props) {
  const condition = isEntries(value) ? value : {};
  const properties = resolved(schema, known.whole).properties ?? {};
  return (
    <fieldset className="form">
      <legend>{label}</legend>
      {Object.entries(condition).map(([key, each], at) => (
        <div key={at} className="formrow">
          {key in properties ? (
            <>
              <b>{key}</b>
              <RuleForm schema={properties[key] ?? {}} value={each} change={(next) => change(replaced(condition, key, next))} known={known} label={`${label} ${key}`} name={key} />
            </>
          ) : (
            <>
              <Completed whole label={`${label}: field ${at + 1}`} value={key} words={known.paths} change={(next) => change(renamed(condition, key, next))} />
              <Test label={`${label} ${key}`} value={each} known={known} change={(next) => change(replaced(condition, key, next))} />
            </>
          )}
          <button type="button" className="plain" aria-label={`Without the test of ${key}`} onClick={() => change(without(condition, key))}>
            ×
          </button>
        </div>
      ))}
      <Add
        label={`Another test for ${label}`}
        words={["a field", ...Object.keys(properties).filter((key) => !(key in condition))]}
        add={(key) => change(key === "a field" ? replaced(condition, "", "") : replaced(condition, key, blankOf(properties[key] ?? {}, known.whole)))}
      />
    </fieldset>
  );
}

/** What a field is compared with: one value, one of several, or by its operators. */
function Test({ label, value, known, change }: Omit<Props, "schema">) {
  const comparison = known.whole.$defs?.Comparison ?? {};
  const kind = Array.isArray(value) ? "is one of" : isEntries(value) ? "compared" : "is";
  const turn = (to: string) => change(to === "is" ? "" : to === "is one of" ? [""] : { gt: "" });
  return (
    <>
      <Chosen label={`${label}: how`} value={kind} words={["is", "is one of", "compared"]} change={(to) => turn(String(to))} />
      {kind === "compared" ? (
        <Fields schema={comparison} value={isEntries(value) ? value : {}} change={change} known={known} label={label} />
      ) : kind === "is one of" ? (
        <ListFields schema={{ type: "array", items: {} }} value={value} change={change} known={known} label={label} />
      ) : (
        <Constant label={label} value={value} change={change} />
      )}
    </>
  );
}

/** Names with what stands for each. */
function EntryFields({ schema, value, change, known, label }: Props) {
  const entries = isEntries(value) ? value : {};
  const given = resolved(schema, known.whole).additionalProperties;
  const item = typeof given === "object" ? given : {};
  return (
    <fieldset className="form">
      <legend>{label}</legend>
      {Object.entries(entries).map(([key, each], at) => (
        <div key={at} className="formrow">
          <input aria-label={`${label}: name ${at + 1}`} value={key} onChange={(event) => change(renamed(entries, key, event.target.value))} />
          <RuleForm schema={item} value={each} change={(next) => change(replaced(entries, key, next))} known={known} label={`${label} ${key}`} />
          <button type="button" className="plain" aria-label={`Without ${key} of ${label}`} onClick={() => change(without(entries, key))}>
            ×
          </button>
        </div>
      ))}
      <button type="button" onClick={() => change({ ...entries, "": blankOf(item, known.whole) })}>
        Add to {label}
      </button>
    </fieldset>
  );
}

/** Several of a kind, in order. What may stand alone does, when it is the only one. */
function ListFields({ schema, value, change, known, label, name = "" }: Props) {
  const mayBeOne = resolved(schema, known.whole).anyOf !== undefined;
  const items = Array.isArray(value) ? value : [value];
  const item = itemOf(schema, known.whole);
  const put = (next: Value[]) => change(mayBeOne && next.length === 1 ? (next[0] ?? "") : next);
  return (
    <fieldset className="form">
      <legend>{label}</legend>
      {items.map((each, at) => (
        <div key={at} className="formrow">
          <RuleForm schema={item} value={each} change={(next) => put(items.map((one, index) => (index === at ? next : one)))} known={known} label={`${label} ${at + 1}`} name={name} />
          {items.length > 1 && (
            <button type="button" className="plain" aria-label={`Without ${label} ${at + 1}`} onClick={() => put(items.filter((_, index) => index !== at))}>
              ×
            </button>
          )}
        </div>
      ))}
      <button type="button" onClick={() => put([...items, blankOf(item, known.whole)])}>
        Add to {label}
      </button>
    </fieldset>
  );
}

/** One text, number, yes or no, or nothing: what it looks like does not say which. */
function Constant({ label, value, change }: { label: string; value: Value; change: (value: Value) => void }) {
  const kind = typeof value === "boolean" ? "yes or no" : isWritten(value) ? "number" : value === null ? "nothing" : "text";
  const turn = (to: string) => {
    const typed = shownOf(value);
    change(to === "yes or no" ? true : to === "nothing" ? null : to === "number" ? (numberOf(typed) ?? { yaml: "0" }) : typed);
  };
  return (
    <>
      {kind === "yes or no" ? (
        <input type="checkbox" aria-label={label} checked={value === true} onChange={(event) => change(event.target.checked)} />
      ) : kind === "nothing" ? null : (
        <input aria-label={label} spellCheck={false} value={shownOf(value)} onChange={(event) => change((kind === "number" && numberOf(event.target.value)) || event.target.value)} />
      )}
      <Chosen label={`${label}: kind of value`} value={kind} words={["text", "number", "yes or no", "nothing"]} change={(to) => turn(String(to))} />
    </>
  );
}

function Chosen({ label, value, words, change }: { label: string; value: string; words: string[]; change: (value: Value) => void }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => change(event.target.value)}>
      {words.map((each) => (
        <option key={each} value={each}>
          {each || "choose"}
        </option>
      ))}
    </select>
  );
}

function Add({ label, words, add }: { label: string; words: string[]; add: (word: string) => void }) {
  if (words.length === 0) return null;
  return (
    <select aria-label={label} value="" onChange={(event) => event.target.value && add(event.target.value)}>
      <option value="">add …</option>
      {words.map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}

function Row({ label, about, children }: { label: string; about: string | undefined; children: ReactNode }) {
  const id = useId();
  return (
    <div className="formrow" role="group" aria-label={label} aria-describedby={about ? id : undefined}>
      <b>{label}</b>
      {children}
      {about && (
        <small id={id} className="about">
          <Coded text={about} />
        </small>
      )}
    </div>
  );
}

function shownOf(value: Value): string {
  return isWritten(value) ? value.yaml : typeof value === "string" ? value : "";
}

function replaced(entries: Entries, key: string, value: Value): Entries {
  return { ...entries, [key]: value };
}

function renamed(entries: Entries, key: string, to: string): Entries {
  return Object.fromEntries(Object.entries(entries).map(([each, value]) => [each === key ? to : each, value]));
}

function without(entries: Entries, key: string): Entries {
  return Object.fromEntries(Object.entries(entries).filter(([each]) => each !== key));
}

function withoutBeside(rule: Entries): Entries {
  return Object.fromEntries(Object.entries(rule).filter(([key]) => !BESIDE.includes(key)));
}
