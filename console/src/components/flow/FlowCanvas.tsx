import "@xyflow/react/dist/base.css";

import {
  Controls,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
  useNodesState,
  type Viewport,
} from "@xyflow/react";
import { Fragment, memo, useEffect, useMemo, useRef, useState } from "react";

import type { FlowView, PassView, Place } from "../../api/client";
import { type Drawing, type Drawn, type Group, legId, type Line, linesOf, problemsAt } from "../../model/flow";
import { type Laid, laidOut } from "../../model/layout";
import { keyOf } from "../../model/mapping";
import { afterEdits, DRAGGED, type Dragged, moveEdits } from "../../model/parts";
import { inWords, passWords, timesOf, wordsOf } from "../../model/words";
import type { Design } from "../../queries/flow";
import { Moved } from "./Moved";

type Props = {
  flow: FlowView;
  drawing: Drawing;
  chosen: Place;
  choose: (place: Place) => void;
  line: Line | undefined;
  chooseLine: (line: Line) => void;
  passes: PassView[];
  design: Design;
  drop: (dragged: Dragged, at: Place) => void;
  enter: () => void;
};

/** How far apart stages lie. */
const GAP = 28;
/** How small a drawing may be that is opened: its words can be read. */
const READABLE = 0.45;

/** A flow as a drawing, laid out by itself; what is dragged lies where it was left until it is arranged anew. */
export function FlowCanvas({ flow, drawing, chosen, choose, line, chooseLine, passes, design, drop, enter }: Props) {
  const laid = useLayout(drawing);
  const pane = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<ReactFlowInstance<PartNode, LineEdge> | null>(null);
  const [nodes, setNodes, changed] = useNodesState<PartNode>([]);
  useEffect(() => {
    if (laid === null) return;
    const marked = keyOf(chosen);
    setNodes((known) => {
      const moved = new Map(known.filter((each) => each.data.laid === laid.key).map((each) => [each.id, each.position]));
      return nodesOf(flow, laid, marked, passes).map((each) => ({ ...each, position: moved.get(each.id) ?? each.position }));
    });
  }, [flow, laid, chosen, passes, setNodes]);
  const edges = useMemo(() => (laid === null ? [] : edgesOf(laid.drawing, line?.id)), [laid, line?.id]);
  const isShown = nodes.length > 0;
  const isLarge = nodes.length > 30;
  useEffect(() => {
    if (view === null || !isShown) return;
    const [first, width] = [laid?.groups[0], pane.current?.clientWidth];
    if (first && width && isLarge) void view.setViewport(topOf(first.laid, width));
    else void view.fitView({ padding: 0.08, maxZoom: 1, minZoom: READABLE });
    // only when something is drawn first, not at each change
  }, [view, isShown]);
  if (laid === null) return <p role="status" className="canvas note">Drawing …</p>;
  const mayEdit = flow.may_edit;
  const placeAt = (target: EventTarget): Place => {
    const id = (target as HTMLElement).closest("[data-id]")?.getAttribute("data-id");
    return nodes.find((each) => each.id === id)?.data.of ?? [];
  };
  const legOf = (id: string | null) => flow.stages.flatMap((stage) => stage.legs).find((leg) => legId(leg) === id);
  return (
    <div
      ref={pane}
      className="canvas"
      onDragOver={(event) => {
        if (mayEdit && event.dataTransfer.types.includes(DRAGGED)) event.preventDefault();
      }}
      onDrop={(event) => {
        const given = event.dataTransfer.getData(DRAGGED);
        if (given) drop(JSON.parse(given) as Dragged, placeAt(event.target));
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        const place = placeAt(event.target);
        if (place.length === 0) return;
        event.preventDefault();
        choose(place);
        // what is chosen is shown first
        if (event.key === "Enter") setTimeout(enter);
      }}
      onFocus={(event) => {
        const place = placeAt(event.target);
        if (place.length > 0 && event.target.matches(":focus-visible")) choose(place);
      }}
    >
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        onNodesChange={changed}
        onInit={setView}
        onNodeClick={(_, node) => choose(node.data.of)}
        onEdgeClick={(_, { data }) => data && chooseLine(data.line)}
        onPaneClick={() => choose([])}
        onConnect={({ source, target }) => {
          const [from, to] = [legOf(source), legOf(target)];
          if (to && from) design.edit(afterEdits(to, from.name));
          else if (to && source.startsWith("from:")) design.edit([{ do: "put", location: [...to.location, "from"], value: source.split(":")[2] ?? "" }]);
        }}
        onNodeDragStop={(_, node) => {
          const leg = legOf(node.id);
          const over = view?.getIntersectingNodes(node).find((each) => each.type === "stage" && each.id !== node.parentId);
          if (!leg || !over || !mayEdit) return;
          const isOut = !view?.getIntersectingNodes(node).some((each) => each.id === node.parentId);
          if (isOut) {
            const moved = moveEdits(leg, over.id.slice("stage:".length));
            design.edit(moved.edits, () => choose(moved.at));
          }
        }}
        nodesConnectable={mayEdit}
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        minZoom={0.1}
      >
        <Moved />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}

/** A large flow begins at the head of its first stage, as large as it fits and can be read. */
function topOf({ width }: Laid, pane: number): Viewport {
  const zoom = Math.min(1, Math.max(READABLE, (pane - 2 * GAP) / width));
  return { x: Math.max(GAP, (pane - zoom * width) / 2), y: GAP, zoom };
}

type Arranged = { key: string; drawing: Drawing; groups: { group: Group; laid: Laid }[] };

/** The drawing with the place of everything in it; the last one until a new one is laid out. */
function useLayout(drawing: Drawing): Arranged | null {
  const [arranged, setArranged] = useState<Arranged | null>(null);
  useEffect(() => {
    let isCurrent = true;
    void Promise.all(drawing.groups.map(async (group) => ({ group, laid: await laidOut(group) }))).then((groups) => {
      const key = JSON.stringify(drawing.groups.map((each) => [each.id, each.lines.map((line) => line.id)]));
      if (isCurrent) setArranged({ key, drawing, groups });
    });
    return () => {
      isCurrent = false;
    };
  }, [drawing]);
  return arranged;
}

type Data = { of: Place; laid: string; group?: Group; part?: Drawn; wrong: string[]; isChosen: boolean; pass?: PassView };
type PartNode = Node<Data>;

function nodesOf(flow: FlowView, arranged: Arranged, chosen: string, passes: PassView[]): PartNode[] {
  const nodes: PartNode[] = [];
  let y = 0;
  for (const { group, laid } of arranged.groups) {
    const { stage } = group;
    nodes.push({
      id: group.id,
      type: "stage",
      position: { x: 0, y },
      width: laid.width,
      height: laid.height,
      data: { of: stage.location, laid: arranged.key, group, wrong: ownProblems(flow, stage.location), isChosen: keyOf(stage.location) === chosen },
      ariaLabel: `Stage ${inWords(stage.name)}: ${timesOf(stage)}`,
      domAttributes: { "aria-roledescription": "stage" },
    });
    y += laid.height + GAP;
    for (const part of group.parts) {
      const box = laid.boxes.get(part.id);
      if (box === undefined) continue;
      const pass = part.kind === "target" ? passes.find((each) => each.leg === part.leg.targets[part.at]?.leg) : undefined;
      const wrong = part.kind === "leg" || part.kind === "target" ? wrongAt(flow, part) : [];
      nodes.push({
        id: part.id,
        type: "part",
        parentId: group.id,
        position: { x: box.x, y: box.y },
        width: box.width,
        height: box.height,
        data: { of: part.of, laid: arranged.key, part, wrong, ...(pass && { pass }), isChosen: part.kind !== "books" && part.kind !== "source" && keyOf(part.of) === chosen },
        ariaLabel: [wordsOf(part), ...(pass ? [passWords(pass)] : []), ...wrong].join(". "),
        domAttributes: { "aria-roledescription": part.kind },
      });
    }
  }
  return nodes;
}

/** What is wrong with a stage itself, not with its legs. */
function ownProblems(flow: FlowView, place: Place): string[] {
  return problemsAt(flow, place)
    .filter((each) => each.at[2] !== "legs" || each.at.length < 4)
    .map((each) => each.message);
}

/** What is wrong with a leg, or with one of its targets; of a leg with one target each at its own. */
function wrongAt(flow: FlowView, part: Extract<Drawn, { kind: "leg" | "target" }>): string[] {
  const { leg } = part;
  const ofTarget = (at: Place) => (leg.kind === "one" ? ["to", "map", "gate", "pool", "match"].includes(String(at[4])) : at[4] === "to" || at[4] === "sync");
  return problemsAt(flow, part.kind === "leg" ? leg.location : part.of)
    .filter((each) => ofTarget(each.at) === (part.kind === "target"))
    .map((each) => each.message);
}

type LineEdge = Edge<{ line: Line }>;

function edgesOf(drawing: Drawing, chosen: string | undefined): LineEdge[] {
  return linesOf(drawing).map((line) => ({
    id: line.id,
    source: line.from,
    target: line.to,
    className: line.after ? "after" : "moves",
    type: "default",
    data: { line },
    selected: line.id === chosen,
    ariaLabel: line.told,
    // by keyboard the panel of its leg takes it away: Tab would stop at hundreds of lines
    focusable: false,
    markerEnd: { type: MarkerType.ArrowClosed },
  }));
}

const StageBox = memo(function StageBox({ data }: NodeProps<PartNode>) {
  const stage = data.group!.stage;
  return (
    <div className={`stage ${data.isChosen ? "chosen" : ""} ${data.wrong.length ? "wrongly" : ""}`}>
      <b>{inWords(stage.name)}</b> <span className="quiet">{timesOf(stage)}</span>
      <Wrong wrong={data.wrong} />
      {stage.legs.length + stage.reconcile.length === 0 && <p className="quiet">No leg yet.</p>}
    </div>
  );
});

const PartBox = memo(function PartBox({ data }: NodeProps<PartNode>) {
  const part = data.part!;
  return (
    <div className={`part is-${part.kind} ${data.isChosen ? "chosen" : ""} ${data.wrong.length ? "wrongly" : ""}`} title={data.wrong.join("\n") || undefined}>
      {part.kind !== "source" && part.kind !== "books" && <Handle type="target" position={Position.Left} isConnectable={part.kind === "leg"} />}
      <Inside part={part} />
      {data.pass && <Passed pass={data.pass} />}
      <Wrong wrong={data.wrong} />
      {part.kind !== "target" && part.kind !== "books" && <Handle type="source" position={Position.Right} />}
    </div>
  );
});

function Inside({ part }: { part: Drawn }) {
  switch (part.kind) {
    case "source":
      return <Entity name={part.entity} />;
    case "books":
      return <>compares {part.ledgers.join(" and ")}</>;
    case "leg":
      return (
        <>
          <b>{inWords(part.leg.name)}</b>
          <small>{part.leg.rules.length ? `${part.leg.rules.length} rule${part.leg.rules.length > 1 ? "s" : ""}` : part.leg.kind === "sides" ? "kept in step" : "no rule"}</small>
        </>
      );
    case "target": {
      const target = part.leg.targets[part.at];
      if (target === undefined) return null;
      return (
        <>
          <Entity name={target.entity || "?"} />
          <small>{target.by_hand ? "people change it" : target.gate ? `gate ${inWords(target.gate)}` : part.leg.kind === "sides" ? "leads" : "no gate"}</small>
        </>
      );
    }
  }
}

/** A long name is broken between its words. */
function Entity({ name }: { name: string }) {
  return (
    <code>
      {name.split(/(?<=[._])/).map((word, at) => (
        <Fragment key={at}>
          {word}
          <wbr />
        </Fragment>
      ))}
    </code>
  );
}

/** What the last pass did, in figures. */
function Passed({ pass }: { pass: PassView }) {
  return (
    <span className="passed" aria-hidden title={passWords(pass)}>
      <b>{pass.read}</b> <b className="good">{pass.delivered}✓</b>
      {pass.rejected > 0 && <b className="bad"> {pass.rejected}✗</b>}
      {pass.waiting > 0 && <b className="busy"> {pass.waiting}…</b>}
    </span>
  );
}

function Wrong({ wrong }: { wrong: string[] }) {
  if (wrong.length === 0) return null;
  return (
    <span className="mark" aria-hidden>
      {wrong.length > 1 ? wrong.length : "!"}
    </span>
  );
}

const TYPES = { stage: StageBox, part: PartBox };
