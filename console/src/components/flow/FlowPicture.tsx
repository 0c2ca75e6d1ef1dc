import { useEffect, useMemo, useState } from "react";

import type { Review } from "../../api/client";
import { drawingOf, type Drawn, type Group, type Line } from "../../model/flow";
import { type Box, type Laid, laidOut } from "../../model/layout";
import { bothOf, type Mark } from "../../model/review";
import { inWords, timesOf, wordsOf } from "../../model/words";

const SIGNS: Record<Mark, string> = { came: "+", went: "−", changed: "≠" };
/** What lies around the boxes of a picture. */
const EDGE = 10;

/** What a draft of a flow changes, on the drawing: what came, went and is another, in the stages where something is. */
export default function FlowPicture({ review }: { review: Review }) {
  const both = useMemo(() => bothOf(review), [review]);
  const groups = useMemo(() => drawingOf({ stages: both.stages }).groups, [both]);
  if (groups.length === 0) return <p className="quiet">No stage, leg or target is another: what changed is said of the flow as a whole.</p>;
  return groups.map((group) => <StagePicture key={group.id} group={group} marks={both.marks} />);
}

function StagePicture({ group, marks }: { group: Group; marks: Map<string, Mark> }) {
  const [laid, setLaid] = useState<Laid | null>(null);
  useEffect(() => {
    let isCurrent = true;
    void laidOut(group).then((found) => isCurrent && setLaid(found));
    return () => {
      isCurrent = false;
    };
  }, [group]);
  const told = group.parts.flatMap((part) => (marks.has(part.id) ? [`${marks.get(part.id)}: ${wordsOf(part)}`] : []));
  const own = marks.get(group.id);
  return (
    <figure className="picture">
      <figcaption>
        Stage {inWords(group.stage.name)}, {timesOf(group.stage)} {own && <b className={`is-${own}`}>{SIGNS[own]} {own}</b>}
      </figcaption>
      {laid && (
        <svg role="img" aria-label={`Stage ${inWords(group.stage.name)}. ${told.join(". ")}`} {...shownOf(laid)}>
          {group.lines.map((line) => (
            <Between key={line.id} line={line} boxes={laid.boxes} mark={marks.get(line.to) ?? marks.get(line.from)} />
          ))}
          {group.parts.map((part) => {
            const box = laid.boxes.get(part.id);
            return box && <Part key={part.id} part={part} box={box} mark={marks.get(part.id)} />;
          })}
        </svg>
      )}
      <ul className="told">
        {told.map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
    </figure>
  );
}

/** The part of a layout in which something lies: its stage has no head here. */
function shownOf({ boxes, width, height }: Laid) {
  const top = Math.min(height, ...[...boxes.values()].map((each) => each.y)) - EDGE;
  return { viewBox: `0 ${top} ${width} ${height - top}`, width };
}

function Between({ line, boxes, mark }: { line: Line; boxes: Map<string, Box>; mark: Mark | undefined }) {
  const [from, to] = [boxes.get(line.from), boxes.get(line.to)];
  if (!from || !to) return null;
  const [x, y, tx, ty] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  const half = (x + tx) / 2;
  return <path className={`line ${mark && mark !== "changed" ? `is-${mark}` : ""} ${line.after ? "after" : ""}`} d={`M${x} ${y} C${half} ${y} ${half} ${ty} ${tx} ${ty}`} />;
}

function Part({ part, box, mark }: { part: Drawn; box: Box; mark: Mark | undefined }) {
  const [first, second] = linesOf(part);
  return (
    <g className={`drawn ${mark ? `is-${mark}` : ""}`}>
      <rect x={box.x} y={box.y} width={box.width} height={box.height} rx={8} />
      <text x={box.x + 10} y={box.y + 22}>
        {mark && `${SIGNS[mark]} `}
        {first}
      </text>
      {second && (
        <text x={box.x + 10} y={box.y + 44} className="soft">
          {second}
        </text>
      )}
    </g>
  );
}

function linesOf(part: Drawn): [string, string] {
  switch (part.kind) {
    case "source":
      return [part.entity, ""];
    case "books":
      return [`compares ${part.ledgers.join(" and ")}`, ""];
    case "leg":
      return [inWords(part.leg.name), part.leg.rules.length ? `${part.leg.rules.length} rule${part.leg.rules.length > 1 ? "s" : ""}` : "no rule"];
    case "target": {
      const target = part.leg.targets[part.at];
      return [target?.entity ?? "", target?.gate ? `gate ${inWords(target.gate)}` : ""];
    }
  }
}
