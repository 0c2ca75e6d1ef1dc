import type { FlowLeg, FlowStage, FlowTarget, Review } from "../api/client";
import { legId, stageId, targetId } from "./flow";

/** What became of a part: it came, it went, it is another. */
export type Mark = "came" | "went" | "changed";

/** A flow before and after in one: whatever is in either, and what became of each by its id in the drawing. */
export type Both = { stages: FlowStage[]; marks: Map<string, Mark> };

/** The stages in which something differs, as one drawing. */
export function bothOf({ stages_before, stages_after }: Review): Both {
  const marks = new Map<string, Mark>();
  const stages = union(stages_before, stages_after, (each) => each.name).map(([before, after]) => {
    const stage = (after ?? before)!;
    mark(marks, stageId(stage), before && ownOfStage(before), after && ownOfStage(after));
    const legs = union(before?.legs ?? [], after?.legs ?? [], (each) => each.name).map(([old, now]) => {
      const leg = (now ?? old)!;
      mark(marks, legId(leg), old && ownOfLeg(old), now && ownOfLeg(now));
      const targets = union(old?.targets ?? [], now?.targets ?? [], (each) => each.leg);
      targets.forEach(([one, other], at) => mark(marks, targetId(leg, at), one && ownOfTarget(one), other && ownOfTarget(other)));
      return { ...leg, targets: targets.map(([one, other]) => (other ?? one)!) };
    });
    return { ...stage, legs };
  });
  const differs = (stage: FlowStage) =>
    marks.has(stageId(stage)) || stage.legs.some((leg) => marks.has(legId(leg)) || leg.targets.some((_, at) => marks.has(targetId(leg, at))));
  return { stages: stages.filter(differs), marks };
}

/** What is in either list, each with what it is in both, in the order of the later one. */
function union<One>(before: One[], after: One[], nameOf: (one: One) => string): [One | undefined, One | undefined][] {
  const old = new Map(before.map((each) => [nameOf(each), each]));
  const now = new Set(after.map(nameOf));
  return [...after.map((each): [One | undefined, One] => [old.get(nameOf(each)), each]), ...before.filter((each) => !now.has(nameOf(each))).map((each): [One, undefined] => [each, undefined])];
}

function mark(marks: Map<string, Mark>, id: string, before: object | undefined, after: object | undefined): void {
  if (before === undefined || after === undefined) marks.set(id, before === undefined ? "came" : "went");
  else if (JSON.stringify(before) !== JSON.stringify(after)) marks.set(id, "changed");
}

function ownOfStage({ description, cron, events, can_wait, at_once, reconcile, beside }: FlowStage): object {
  return { description, cron, events, can_wait, at_once, reconcile, beside };
}

function ownOfLeg({ kind, sources, conform, rules, after, max_records, stop_if_rejected_over }: FlowLeg): object {
  return { kind, sources, conform, rules: rules.map((each) => each.written), after, max_records, stop_if_rejected_over };
}

function ownOfTarget({ entity, map, gate, pool, match, after, conform, by_hand }: FlowTarget): object {
  return { entity, map, gate, pool, match, after, conform, by_hand };
}
