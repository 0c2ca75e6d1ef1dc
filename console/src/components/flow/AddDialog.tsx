import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";

import { api, type Edit, type FlowView, given, type Palette, type Place } from "../../api/client";
import { freeName, legNames } from "../../model/flow";
import { type Beginning, canonicalFor, legEdits, targetEdits, type Wanted, wayOf } from "../../model/parts";
import { inWords } from "../../model/words";
import type { Design } from "../../queries/flow";
import { Why } from "../Noted";

type Props = { wanted: Wanted; flow: FlowView; palette: Palette; design: Design; close: (chosen?: Place) => void };

const TITLES = { stage: "Add a stage", leg: "Add a leg", target: "Add a target", rule: "Add a rule" };

/** Asks what has to be known of something new; the way by keyboard and that by mouse both end here. */
export function AddDialog({ wanted, flow, palette, design, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const client = useQueryClient();
  const [ready, setReady] = useState<Ready | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const begin = useMutation({
    mutationFn: async (files: Beginning[]) => {
      for (const each of files) await given(api.POST("/api/design/beginnings", { body: { description: "", owner: "", ...each } }));
    },
  });
  const add = (of: Ready) =>
    begin.mutate(of.begin, {
      onSuccess: () => {
        if (of.begin.length > 0) void client.invalidateQueries({ queryKey: ["palette"] });
        design.edit(of.edits, () => close(of.at));
      },
    });
  const form = { flow, palette, told: setReady };
  return (
    <dialog ref={dialog} onClose={() => close()} aria-labelledby="added">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) add(ready);
        }}
      >
        <h2 id="added">{TITLES[wanted.kind]}</h2>
        {wanted.kind === "stage" && <StageAsked {...form} />}
        {wanted.kind === "leg" && <LegAsked {...form} stage={wanted.stage} source={wanted.source} target={wanted.target} />}
        {wanted.kind === "target" && <TargetAsked {...form} wanted={wanted} />}
        {wanted.kind === "rule" && <RuleAsked {...form} wanted={wanted} />}
        {ready !== null && ready.begin.length > 0 && (
          <p className="quiet">
            New with it, as drafts to be filled in: {ready.begin.map((each) => `${each.kind === "mappings" ? "mapping" : "gate"} ${inWords(each.name)}`).join(", ")}.
          </p>
        )}
        <Why error={begin.error ?? design.error} />
        <div className="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button className="main" disabled={ready === null || begin.isPending || design.isPending}>
            Add it to the draft
          </button>
        </div>
      </form>
    </dialog>
  );
}

type Ready = { edits: Edit[]; begin: Beginning[]; at: Place };
type Form = { flow: FlowView; palette: Palette; told: (ready: Ready | null) => void };

/** Tells what is ready whenever an answer changes: before the next key, which may be Enter. */
function useTold(told: Form["told"], ready: Ready | null) {
  const key = JSON.stringify(ready);
  useLayoutEffect(() => told(ready), [told, key]);
}

const NAME = "[a-z][a-z0-9_]*";

function NameField({ value, set, label = "Name" }: { value: string; set: (value: string) => void; label?: string }) {
  return (
    <label>
      {label}
      <input required autoFocus pattern={NAME} title="Small letters, digits and _" value={value} onChange={(event) => set(event.target.value.trim().toLowerCase().replaceAll(" ", "_"))} />
    </label>
  );
}

function StageAsked({ flow, told }: Form) {
  const taken = flow.stages.map((each) => each.name);
  const [name, setName] = useState(() => freeName("stage", taken));
  const place = ["stages", name];
  const isFree = new RegExp(`^${NAME}$`).test(name) && !taken.includes(name);
  useTold(told, isFree ? { edits: [{ do: "write", location: [...place, "legs"], written: "{}" }], begin: [], at: place } : null);
  return <NameField value={name} set={setName} />;
}

function Entities({ palette, as, value, set }: { palette: Palette; as: "source" | "target"; value: string; set: (value: string) => void }) {
  const there = palette.entities.filter((each) => (as === "source" ? each.is_source : each.is_target));
  return (
    <label>
      {as === "source" ? "From" : "To"}
      <select required value={value} onChange={(event) => set(event.target.value)}>
        <option value="">choose</option>
        {there.map((each) => (
          <option key={each.name}>{each.name}</option>
        ))}
      </select>
    </label>
  );
}

function LegAsked({ flow, palette, told, ...given }: Form & { stage: string | null; source: string; target: string }) {
  const taken = legNames(flow);
  const [stage, setStage] = useState(given.stage ?? flow.stages[0]?.name ?? "");
  const [source, setSource] = useState(given.source);
  const [target, setTarget] = useState(given.target);
  const [typed, setTyped] = useState<string | null>(null);
  const [canonical, setCanonical] = useState<string | null>(null);
  const name = typed ?? (target ? freeName(target.split(".")[1] ?? "leg", taken) : "");
  const between = canonical ?? (source && target ? canonicalFor(palette, source, target) : "");
  const isWhole = Boolean(stage && source && target && between) && new RegExp(`^${NAME}$`).test(name) && !taken.includes(name);
  const way = isWhole ? wayOf(flow, palette, source, between, target) : null;
  useTold(told, way && { edits: legEdits(stage, name, source, target, way), begin: way.begin, at: ["stages", stage, "legs", name] });
  return (
    <>
      <Entities palette={palette} as="source" value={source} set={setSource} />
      <Entities palette={palette} as="target" value={target} set={setTarget} />
      <Chosen label="As" value={between} set={setCanonical} options={palette.canonical} />
      <NameField value={name} set={setTyped} label="Name of the leg" />
      <Chosen label="In stage" value={stage} set={setStage} options={flow.stages.map((each) => each.name)} />
    </>
  );
}

function Chosen({ label, value, set, options }: { label: ReactNode; value: string; set: (value: string) => void; options: string[] }) {
  return (
    <label>
      {label}
      <select required value={value} onChange={(event) => set(event.target.value)}>
        {!options.includes(value) && <option value="">choose</option>}
        {options.map((each) => (
          <option key={each} value={each}>
            {inWords(each)}
          </option>
        ))}
      </select>
    </label>
  );
}

function TargetAsked({ flow, palette, told, wanted }: Form & { wanted: Extract<Wanted, { kind: "target" }> }) {
  const [target, setTarget] = useState(wanted.target);
  const { leg } = wanted;
  const canonical = palette.mappings.find((each) => each.name === leg.conform)?.writes ?? "";
  const way = target && canonical && leg.sources[0] ? wayOf(flow, palette, leg.sources[0], canonical, target) : null;
  const begin = way?.begin.filter((each) => each.name !== way.conform) ?? [];
  useTold(told, way && { edits: targetEdits(leg, target, way.map, way.gate), begin, at: leg.location });
  return <Entities palette={palette} as="target" value={target} set={setTarget} />;
}

function RuleAsked({ palette, told, wanted }: Form & { wanted: Extract<Wanted, { kind: "rule" }> }) {
  const [name, setName] = useState(wanted.rule);
  const [given, setGiven] = useState<Record<string, string>>({});
  const rule = palette.rules.find((each) => each.name === name);
  const keys = Object.keys(rule?.settings ?? {});
  const isWhole = rule !== undefined && keys.every((key) => given[key]);
  const value = Object.fromEntries(keys.map((key) => [key, given[key] ?? ""]));
  const at = wanted.leg.location;
  useTold(told, isWhole ? { edits: [{ do: "write", location: [...at, "rules", name], written: JSON.stringify(value) }], begin: [], at } : null);
  return (
    <>
      <Chosen label="Rule" value={name} set={setName} options={palette.rules.map((each) => each.name)} />
      {rule && <p className="quiet">{rule.description}</p>}
      {keys.map((key) => (
        <label key={key}>
          {inWords(key)}
          <input required list={rule?.settings[key] ? undefined : "entities"} value={given[key] ?? ""} onChange={(event) => setGiven({ ...given, [key]: event.target.value })} />
        </label>
      ))}
      <datalist id="entities">
        {palette.entities.map((each) => (
          <option key={each.name} value={each.name} />
        ))}
      </datalist>
    </>
  );
}
