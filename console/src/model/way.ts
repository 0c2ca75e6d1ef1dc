import type { Step, Way } from "../api/client";

/** What one stage of a flow did. */
export type Stage = { flow: string; stage: string; steps: Step[] };

/** The steps of a way by stage, as they follow each other; what a step neither made nor stopped is left out. */
export function stagesOf(way: Way): Stage[] {
  const stages: Stage[] = [];
  for (const step of way.steps) {
    if (step.documents.length === 0 && step.letters.length === 0 && !step.records.some(isUnderWay)) continue;
    const last = stages.at(-1);
    if (last?.flow === step.flow && last.stage === step.stage) last.steps.push(step);
    else stages.push({ flow: step.flow, stage: step.stage, steps: [step] });
  }
  return stages;
}

function isUnderWay({ outcome }: { outcome: string }): boolean {
  return outcome === "waiting" || outcome === "read" || outcome === "held" || outcome === "rejected";
}

/** A system's name in words. */
export function systemOf(system: string): string {
  return system.length <= 2 ? system.toUpperCase() : system.charAt(0).toUpperCase() + system.slice(1);
}

/** A system and its entity in words: `gp.sales_order` is ["GP", "sales order"]. */
export function namesOf(entity: string): [string, string] {
  const [system = "", name = ""] = entity.split(".", 2);
  return [systemOf(system), name.replaceAll("_", " ")];
}
