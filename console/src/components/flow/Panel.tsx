import { type Ref, useState } from "react";

import type { FlowLeg, FlowProblem, FlowStage, FlowTarget, FlowView, Palette, PassView, Place } from "../../api/client";
import { foundAt, legNames, type Line, problemsAt, putOrTake } from "../../model/flow";
import { type Copied, moveEdits, removal, type Wanted } from "../../model/parts";
import { inWords } from "../../model/words";
import type { Design } from "../../queries/flow";
import { Why } from "../Noted";
import { Choice, Field, Flag, Several, Written } from "./Field";
import { Counted } from "./FlowList";

type Shared = { flow: FlowView; lines: Line[]; design: Design; palette: Palette | undefined; choose: (place: Place) => void; ask: (wanted: Wanted) => void; copy: (copied: Copied) => void };
type Props = Shared & { chosen: Place; passes: PassView[]; at: Ref<HTMLElement> };

/** What is chosen in the drawing, and the forms that change it. */
export function Panel({ chosen, passes, at, ...shared }: Props) {
  const { flow, design } = shared;
  const found = foundAt(flow, chosen);
  return (
    <aside className="panel" aria-label="What is chosen" ref={at} tabIndex={-1}>
      {found.kind === "flow" && <FlowForm {...shared} />}
      {found.kind === "stage" && <StageForm key={found.stage.name} stage={found.stage} {...shared} />}
      {found.kind === "leg" && <LegForm key={found.leg.name} leg={found.leg} stage={found.stage} passes={passes} {...shared} />}
      {found.kind === "target" && found.leg.targets[found.at] && (
        <>
          <h2>
            {found.leg.targets[found.at]!.entity} of {inWords(found.leg.name)}
          </h2>
          <TargetForm leg={found.leg} target={found.leg.targets[found.at]!} {...shared} />
          <Counted of={passes.find((each) => each.leg === found.leg.targets[found.at]!.leg)} />
          <Remove place={found.leg.targets[found.at]!.location} then={found.leg.location} what="this target" {...shared} />
        </>
      )}
      <Problems problems={found.kind === "flow" ? flow.problems : problemsAt(flow, chosen)} />
      <Why error={design.error} />
    </aside>
  );
}

function Problems({ problems }: { problems: FlowProblem[] }) {
  return (
    <ul className="problems" role="status" aria-label="Problems">
      {problems.map((each) => (
        <li key={`${each.file} ${each.line} ${each.message}`} className="bad">
          {each.file}, line {each.line}: {each.message} {each.remedy}
        </li>
      ))}
    </ul>
  );
}

function Remove({ flow, design, choose, place, then, what }: Shared & { place: Place; then: Place; what: string }) {
  return (
    <button disabled={!flow.may_edit || design.isPending} onClick={() => design.edit(removal(flow, place), () => choose(then))}>
      Take {what} away
    </button>
  );
}

const SETTINGS = ["retries", "retry_seconds", "overlap_minutes", "max_records"];
const ALERTS = ["to", "quiet", "repeat_after_minutes", "escalate_to", "escalate_after_minutes", "deadline_minutes", "dead_letters_over"];

function FlowForm({ flow, design }: Shared) {
  return (
    <div className="form">
      <h2>{inWords(flow.name)}</h2>
      <Field flow={flow} design={design} at={["description"]} label="Description" value={flow.description} />
      <Field flow={flow} design={design} at={["owner"]} label="Owner" value={flow.owner} />
      <details>
        <summary>Tries and batches</summary>
        <div className="padded">
          {SETTINGS.map((key) => (
            <Field key={key} flow={flow} design={design} at={[key]} label={inWords(key)} value={flow.settings[key] ?? ""} />
          ))}
        </div>
      </details>
      <details>
        <summary>Alerts{flow.alerts.to ? ` to ${flow.alerts.to}` : ": nobody is told"}</summary>
        <div className="padded">
          {ALERTS.map((key) => (
            <Field key={key} flow={flow} design={design} at={["alerts", key]} label={inWords(key)} value={flow.alerts[key] ?? ""} hint={key === "to" ? "An Airflow connection of type apprise." : ""} />
          ))}
          {legNames(flow).map((leg) => (
            <Field key={leg} flow={flow} design={design} at={["alerts", "expect", leg]} label={`minutes without a record of ${inWords(leg)}`} value={flow.expect[leg] ?? ""} />
          ))}
        </div>
      </details>
    </div>
  );
}

function StageForm({ stage, ...shared }: Shared & { stage: FlowStage }) {
  const { flow, design, palette, ask } = shared;
  const at = stage.location;
  const schedule = (cron: string, events: boolean) => {
    const told = [cron && `cron: ${JSON.stringify(cron)}`, events && "events: true"].filter(Boolean).join(", ");
    if (told) design.edit([{ do: "write", location: [...at, "schedule"], written: `{${told}}` }]);
    else if (stage.cron || stage.events) design.edit([{ do: "take_away", location: [...at, "schedule"] }]);
  };
  return (
    <div className="form">
      <h2>Stage {inWords(stage.name)}</h2>
      <Renamed place={at} {...shared} />
      <Field flow={flow} design={design} at={[...at, "description"]} label="Description" value={stage.description} />
      <Cron key={stage.cron} cron={stage.cron} isLive={flow.may_edit} keep={(cron) => schedule(cron, stage.events)} />
      <label className="check">
        <input type="checkbox" checked={stage.events} disabled={!flow.may_edit} onChange={(event) => schedule(stage.cron, event.target.checked)} />
        Runs when a source of its legs changed
      </label>
      <Flag flow={flow} design={design} at={[...at, "can_wait"]} label="Comes after other stages where a pool is full" value={stage.can_wait} />
      <Several flow={flow} design={design} at={[...at, "reconcile"]} label="Compares the books of" value={stage.reconcile} options={palette?.ledgers ?? []} />
      <div className="buttons">
        <button disabled={!flow.may_edit || !palette} onClick={() => ask({ kind: "leg", stage: stage.name, source: "", target: "" })}>
          Add a leg
        </button>
        <Remove place={at} then={[]} what="this stage" {...shared} />
      </div>
      <Written flow={flow} design={design} at={at} written={stage.written} />
    </div>
  );
}

function Cron({ cron, isLive, keep }: { cron: string; isLive: boolean; keep: (cron: string) => void }) {
  const [typed, setTyped] = useState(cron);
  return (
    <label>
      Cron, UTC
      <input
        value={typed}
        disabled={!isLive}
        placeholder="0 * * * *"
        onChange={(event) => setTyped(event.target.value)}
        onBlur={() => typed !== cron && keep(typed.trim())}
        onKeyDown={(event) => event.key === "Enter" && typed !== cron && keep(typed.trim())}
      />
    </label>
  );
}

/** Another name; only of what is not live by its name yet is it harmless. */
function Renamed({ flow, design, choose, place }: Shared & { place: Place }) {
  const name = String(place.at(-1));
  const [typed, setTyped] = useState(name);
  const to = [...place.slice(0, -1), typed];
  return (
    <form
      className="buttons"
      onSubmit={(event) => {
        event.preventDefault();
        design.edit([{ do: "move", location: place, to }], () => choose(to));
      }}
    >
      <label className="grows">
        Name
        <input pattern="[a-z][a-z0-9_]*" required disabled={!flow.may_edit} value={typed} onChange={(event) => setTyped(event.target.value)} />
      </label>
      {typed !== name && <button>Rename</button>}
      {typed !== name && <small>What this flow says of it follows; what was kept under its name stays there: under another name it begins anew.</small>}
    </form>
  );
}

function LegForm({ leg, stage, passes, ...shared }: Shared & { leg: FlowLeg; stage: FlowStage; passes: PassView[] }) {
  const { flow, design, palette, ask, copy, choose } = shared;
  const at = leg.location;
  const target = leg.targets[0];
  const own = shared.lines.filter((each) => each.leg.name === leg.name && each.gone.length > 0);
  const conforms = palette?.mappings.filter((each) => leg.sources.includes(each.reads)) ?? [];
  return (
    <div className="form">
      <h2>Leg {inWords(leg.name)}</h2>
      {leg.targets.map((each) => (
        <Counted key={each.leg} of={passes.find((one) => one.leg === each.leg)} />
      ))}
      <Renamed place={at} {...shared} />
      {leg.kind !== "sides" && (
        <>
          <Choice flow={flow} design={design} at={[...at, "from"]} label="From" value={leg.sources[0] ?? ""}>
            <Options value={leg.sources[0] ?? ""} names={palette?.entities.filter((each) => each.is_source).map((each) => each.name) ?? []} />
          </Choice>
          <Choice flow={flow} design={design} at={[...at, "conform"]} label="Conform" value={leg.conform}>
            <Options value={leg.conform} names={conforms.map((each) => each.name)} />
          </Choice>
        </>
      )}
      {leg.kind === "one" && target && <TargetForm leg={leg} target={target} {...shared} />}
      <Several flow={flow} design={design} at={[...at, "after"]} label="After" value={leg.after} options={legNames(flow).filter((each) => each !== leg.name)} />
      <ul className="rules-of" aria-label="Lines">
        {own.map((each) => (
          <li key={each.id}>
            {each.told}{" "}
            <button className="plain" aria-label={`Take the line away: ${each.told}`} disabled={!flow.may_edit} onClick={() => design.edit(each.gone)}>
              ×
            </button>
          </li>
        ))}
      </ul>
      {leg.rules.length > 0 && (
        <ul className="rules-of" aria-label="Rules">
          {leg.rules.map((rule) => (
            <li key={rule.name}>
              <b>{inWords(rule.name)}</b>{" "}
              <button className="plain" aria-label={`Take rule ${inWords(rule.name)} away`} disabled={!flow.may_edit} onClick={() => design.edit([{ do: "take_away", location: rule.location }])}>
                ×
              </button>
              <small>{Object.entries(rule.settings).map(([key, each]) => `${inWords(key)} ${each}`).join(", ")}</small>
            </li>
          ))}
        </ul>
      )}
      {leg.kind !== "sides" && (
        <>
          <Field flow={flow} design={design} at={[...at, "max_records"]} label="Most records of a batch" value={leg.max_records} />
          <Field flow={flow} design={design} at={[...at, "stop_if_rejected_over"]} label="Stops if more are rejected" value={leg.stop_if_rejected_over} hint="10% or 5" />
        </>
      )}
      <label>
        In stage
        <select
          value={stage.name}
          disabled={!flow.may_edit}
          onChange={(event) => {
            const moved = moveEdits(leg, event.target.value);
            design.edit(moved.edits, () => choose(moved.at));
          }}
        >
          {flow.stages.map((each) => (
            <option key={each.name} value={each.name}>
              {inWords(each.name)}
            </option>
          ))}
        </select>
      </label>
      <div className="buttons">
        {leg.kind !== "sides" && (
          <>
            <button disabled={!flow.may_edit || !palette} onClick={() => ask({ kind: "target", leg, target: "" })}>
              Add a target
            </button>
            <button disabled={!flow.may_edit || !palette} onClick={() => ask({ kind: "rule", leg, rule: "" })}>
              Add a rule
            </button>
          </>
        )}
        <button onClick={() => copy({ name: leg.name, written: leg.written })}>Copy</button>
        <Remove place={at} then={stage.location} what="this leg" {...shared} />
      </div>
      <Written flow={flow} design={design} at={at} written={leg.written} />
    </div>
  );
}

function Options({ value, names }: { value: string; names: string[] }) {
  return (
    <>
      {!names.includes(value) && <option value={value}>{value || "choose"}</option>}
      {names.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </>
  );
}

function TargetForm({ flow, leg, target, design, palette }: Shared & { leg: FlowLeg; target: FlowTarget }) {
  const at = target.location;
  const suites = palette?.suites ?? [];
  const [fitting, others] = [true, false].map((fits) => suites.filter((each) => each.entities.includes(target.entity) === fits));
  if (target.by_hand) return <p>People change it in {target.by_hand}.</p>;
  return (
    <div className="form">
      <Choice flow={flow} design={design} at={[...at, leg.kind === "one" ? "to" : "entity"]} label="To" value={target.entity}>
        <Options value={target.entity} names={palette?.entities.filter((each) => each.is_target).map((each) => each.name) ?? []} />
      </Choice>
      <Choice flow={flow} design={design} at={[...at, "map"]} label="Map" value={target.map}>
        <Options value={target.map} names={palette?.mappings.filter((each) => each.writes === target.entity).map((each) => each.name) ?? []} />
      </Choice>
      <label>
        Gate
        <select value={target.gate} disabled={!flow.may_edit} onChange={(event) => design.edit(putOrTake([...at, "gate"], event.target.value, target.gate !== ""))}>
          {!suites.some((each) => each.name === target.gate) && <option value={target.gate}>{target.gate || "none yet"}</option>}
          {[fitting, others].map((group, number) => (
            <optgroup key={number} label={number === 0 ? `Used for ${target.entity}` : "Others"}>
              {group?.map((each) => (
                <option key={each.name} value={each.name}>
                  {inWords(each.name)} ({each.expectations})
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      <Field flow={flow} design={design} at={[...at, "pool"]} label="Pool" value={target.pool} options={palette?.pools ?? []} />
      {leg.kind !== "sides" && (
        <Choice flow={flow} design={design} at={[...at, "match"]} label="What may be the same thing there" value={target.match}>
          <option value="">is taken if it is one and active (adopt)</option>
          <option value="ask">a person decides</option>
          <option value="reject">is refused</option>
          <option value="number">is it only by its number</option>
        </Choice>
      )}
      {leg.kind === "several" && (
        <Several flow={flow} design={design} at={[...at, "after"]} label="After the targets" value={target.after} options={leg.targets.filter((each) => each !== target).map((each) => each.name || each.entity.split(".")[0] || "")} />
      )}
    </div>
  );
}
