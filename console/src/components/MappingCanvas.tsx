import { type PointerEvent, type RefObject, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";

import type { MappingView, Sides } from "../api/client";
import { curve, drawn, type Group, type Line, linesOf, places, requiredMet, ROW, type Row, rowsOf, sourceGroups, targetGroups } from "../model/canvas";
import { useDraw } from "../queries/design";
import { Why } from "./Noted";
import { SideTree } from "./SideTree";

type Props = {
  mapping: MappingView;
  sides: Sides;
  /** The target field whose editor is open. */
  selected: string | null;
  select: (row: Row) => void;
};

const KINDS = ["decides", "suggested", "direct", "fails"] as const;
const NEAR_EDGE = 30;
const GRABBED = 4;

/** A mapping as two trees with a line for each path that a rule reads; a new line is drawn by mouse or keyboard. */
export function MappingCanvas({ mapping, sides, selected, select }: Props) {
  const left = useSide(useMemo(() => sourceGroups(mapping, sides), [mapping, sides]));
  const right = useSide(useMemo(() => targetGroups(mapping, sides), [mapping, sides]));
  const lines = useMemo(() => linesOf(mapping, sides), [mapping, sides]);
  const [source, setSource] = useState<Row | null>(null);
  const [told, setTold] = useState("");
  const draw = useDraw(mapping.name);
  const pane = usePane(left, right, lines, source?.key ?? null, selected);
  const connect = (from: Row, to: Row) => {
    setSource(null);
    if (to.isGroup || !to.path) return setTold(`No line goes to ${to.label}.`);
    draw.mutate(
      { seen: mapping.draft?.version ?? 0, target: to.path, source: from.path, number: to.number },
      { onSuccess: () => setTold(`${from.path} goes into ${to.label} now.`) },
    );
  };
  const take = (row: Row) => {
    if (!mapping.may_edit) return;
    setSource(row);
    setTold(`${row.path} is chosen. Choose its target, Enter draws the line, Escape drops it.`);
    right.scroller.current?.focus();
  };
  const drop = () => {
    setSource(null);
    setTold("");
    pane.letGo();
    left.scroller.current?.focus();
  };
  const [met, required] = requiredMet(right.groups);
  const grab = (row: Row, event: PointerEvent) => {
    if (mapping.may_edit && event.button === 0) pane.grab(row, event, connect);
  };
  return (
    <section className="canvas" aria-label="Drawing">
      <p className="quiet">
        <b className={met < required ? "bad" : "good"}>
          {met} of {required}
        </b>{" "}
        required fields have a rule. Drag a source to its target; or choose the source with Enter, then the target. A target alone opens its rule.
      </p>
      <div className="trees">
        <Find side={left} label="Find in the source" />
        <p role="status" className="quiet">
          {told}
        </p>
        <Find side={right} label="Find in the target" />
        <SideTree {...left.tree} label={`Source ${mapping.reads}`} chosen={chosenOf(source?.key)} choose={take} leave={drop} scrolled={pane.redraw} grab={grab} />
        <svg ref={pane.svg} aria-hidden="true">
          {KINDS.map((kind) => (
            <path key={kind} className={kind} />
          ))}
          <path className="chosen" />
          <path className="drawing" />
        </svg>
        <SideTree
          {...right.tree}
          label={`Target ${mapping.writes}`}
          chosen={chosenOf(selected)}
          choose={(row) => (source ? connect(source, row) : select(row))}
          leave={drop}
          scrolled={pane.redraw}
        />
      </div>
      <Why error={draw.error} />
    </section>
  );
}

function Find({ side, label }: { side: ReturnType<typeof useSide>; label: string }) {
  return <input type="search" aria-label={label} placeholder={label} value={side.words} onChange={(event) => side.find(event.target.value)} />;
}

function chosenOf(key: string | null | undefined): ReadonlySet<string> {
  return new Set(key ? [key] : []);
}

/** What is open, found and active of a side. */
function useSide(groups: Group[]) {
  const scroller = useRef<HTMLDivElement>(null);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [words, setWords] = useState("");
  const [active, setActive] = useState(0);
  const rows = useMemo(() => rowsOf(groups, closed, words), [groups, closed, words]);
  const ends = useMemo(() => places(rows, groups), [rows, groups]);
  const toggle = ({ key }: Row) => setClosed(closed.has(key) ? new Set([...closed].filter((each) => each !== key)) : new Set([...closed, key]));
  const find = (typed: string) => {
    setWords(typed);
    setActive(0);
  };
  return { groups, scroller, rows, ends, words, find, tree: { rows, scroller, toggle, active: Math.min(active, rows.length - 1), setActive } };
}

type Side = ReturnType<typeof useSide>;
type Grabbed = { row: Row; x: number; y: number; isDrawn: boolean; over: Row | null };

/** The lines between the trees. They are drawn beside React: a scroll or a drag renders nothing anew. */
function usePane(left: Side, right: Side, lines: Line[], source: string | null, selected: string | null) {
  const svg = useRef<SVGSVGElement>(null);
  const grabbed = useRef<Grabbed | null>(null);
  const waiting = useRef(0);
  const now = useRef<() => void>(() => undefined);
  now.current = () => {
    const [box, from, to] = [svg.current, left.scroller.current, right.scroller.current];
    if (box === null || from === null || to === null) return;
    const ends = { sources: left.ends, targets: right.ends, left: from.scrollTop, right: to.scrollTop, width: box.clientWidth, height: box.clientHeight };
    const chosen = new Set([source, selected].filter((each) => each !== null));
    KINDS.forEach((kind, at) => box.children[at]?.setAttribute("d", drawn(lines, kind, ends, chosen)));
    box.children[KINDS.length]?.setAttribute("d", chosen.size ? drawn(lines, null, ends, chosen) : "");
  };
  const redraw = useCallback(() => {
    if (waiting.current) return;
    waiting.current = requestAnimationFrame(() => {
      waiting.current = 0;
      now.current();
    });
  }, []);
  useLayoutEffect(() => now.current());
  const show = (path: string) => svg.current?.lastElementChild?.setAttribute("d", path);
  const letGo = () => {
    mark(right.scroller, null);
    show("");
    grabbed.current = null;
  };
  const grab = (row: Row, event: PointerEvent, connect: (from: Row, to: Row) => void) => {
    grabbed.current = { row, x: event.clientX, y: event.clientY, isDrawn: false, over: null };
    const begun = new AbortController();
    const { signal } = begun;
    const end = () => {
      begun.abort();
      letGo();
    };
    window.addEventListener("pointermove", (moved) => follow(moved.clientX, moved.clientY), { signal });
    window.addEventListener("pointercancel", end, { signal });
    window.addEventListener("keydown", (pressed) => pressed.key === "Escape" && end(), { signal });
    window.addEventListener(
      "pointerup",
      () => {
        const held = grabbed.current;
        end();
        if (held?.isDrawn && held.over) connect(held.row, held.over);
      },
      { signal },
    );
  };
  const follow = (x: number, y: number) => {
    const [held, box, from, to] = [grabbed.current, svg.current, left.scroller.current, right.scroller.current];
    if (held === null || box === null || from === null || to === null) return;
    if (!held.isDrawn && Math.hypot(x - held.x, y - held.y) < GRABBED) return;
    held.isDrawn = true;
    const [pane, tree] = [box.getBoundingClientRect(), to.getBoundingClientRect()];
    const near = y - tree.top < NEAR_EDGE ? -1 : tree.bottom - y < NEAR_EDGE ? 1 : 0;
    if (near !== 0 && x > pane.left) to.scrollTop += near * ROW;
    const at = Math.floor((y - tree.top + to.scrollTop) / ROW);
    held.over = x >= tree.left && x <= tree.right && y >= tree.top && y <= tree.bottom ? (right.rows[at] ?? null) : null;
    mark(right.scroller, held.over && !held.over.isGroup ? at : null);
    const start = (left.ends.get(held.row.key) ?? 0) * ROW + ROW / 2 - from.scrollTop;
    show(curve(start, Math.max(0, Math.min(x, pane.right) - pane.left), y - pane.top));
  };
  return { svg, redraw, grab, letGo };
}

/** Show over which row a line is held. */
function mark(tree: RefObject<HTMLDivElement | null>, at: number | null): void {
  tree.current?.querySelector(".over")?.classList.remove("over");
  if (at !== null) tree.current?.querySelector(`.row[aria-posinset="${at + 1}"]`)?.classList.add("over");
}
