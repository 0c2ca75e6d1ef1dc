import type { FlowStage, PassView } from "../api/client";
import type { Drawn } from "./flow";

/** A name of a file as people say it. */
export function inWords(name: string): string {
  return name.replaceAll("_", " ");
}

/** When a stage runs. */
export function timesOf(stage: FlowStage): string {
  const told = [stage.cron, stage.events ? "on events" : ""].filter(Boolean).join(" and ");
  return told || "started by hand";
}

/** What a part of a drawing is, for who does not see it. */
export function wordsOf(part: Drawn): string {
  switch (part.kind) {
    case "source":
      return `Source ${part.entity}`;
    case "books":
      return `The books of ${part.ledgers.join(" and ")} are compared`;
    case "leg": {
      const { leg } = part;
      const after = leg.after.length ? `, after ${leg.after.map(inWords).join(", ")}` : "";
      return `Leg ${inWords(leg.name)} from ${leg.sources.join(" and ") || "nothing yet"}${after}`;
    }
    case "target": {
      const target = part.leg.targets[part.at];
      return `Target ${target?.entity || "not named yet"} of ${inWords(part.leg.name)}, gate ${inWords(target?.gate || "none")}`;
    }
  }
}

/** What a leg's last pass did. */
export function passWords(pass: PassView): string {
  return `Last pass: ${pass.read} read, ${pass.delivered} delivered, ${pass.unchanged} unchanged, ${pass.rejected} rejected, ${pass.waiting} waiting`;
}
