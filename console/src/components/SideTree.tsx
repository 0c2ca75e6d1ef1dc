import { type KeyboardEvent, memo, type PointerEvent, type RefObject, type SyntheticEvent, useId, useLayoutEffect, useState } from "react";

import { ROW, type Row } from "../model/canvas";

type Props = {
  label: string;
  rows: Row[];
  active: number;
  setActive: (at: number) => void;
  /** Keys of the rows that are chosen. */
  chosen: ReadonlySet<string>;
  toggle: (row: Row) => void;
  choose: (row: Row) => void;
  leave?: () => void;
  scroller: RefObject<HTMLDivElement | null>;
  scrolled: () => void;
  grab?: (row: Row, event: PointerEvent) => void;
};

/** Rows that are made beyond those seen, so that few scrolls make new ones. */
const BEYOND = 12;

/** A tree of fields, of which only the rows that are seen are made: it has hundreds. */
export function SideTree({ label, rows, active, setActive, chosen, toggle, choose, leave, scroller, scrolled, grab }: Props) {
  const id = useId();
  const [first, setFirst] = useState(0);
  const [seen, setSeen] = useState(40);
  const from = Math.max(0, first - BEYOND);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const measure = () => setSeen(Math.ceil(box.clientHeight / ROW));
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(box);
    return () => watch.disconnect();
  }, [scroller]);
  const show = (at: number) => {
    const box = scroller.current;
    if (box === null) return;
    if (at * ROW < box.scrollTop) box.scrollTop = at * ROW;
    if ((at + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * ROW - box.clientHeight;
  };
  const move = (to: number) => {
    const at = Math.max(0, Math.min(rows.length - 1, to));
    setActive(at);
    show(at);
  };
  const pressed = (event: KeyboardEvent) => {
    const row = rows[active];
    const page = Math.max(1, seen - 2);
    const steps: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, Home: 0, End: rows.length - 1, PageDown: active + page, PageUp: active - page };
    const to = steps[event.key];
    if (to !== undefined) move(to);
    else if (event.key === "ArrowLeft" && row) row.isGroup ? row.isOpen && toggle(row) : move(rows.findLastIndex((each, at) => at < active && each.isGroup));
    else if (event.key === "ArrowRight" && row?.isGroup) row.isOpen ? move(active + 1) : toggle(row);
    else if ((event.key === "Enter" || event.key === " ") && row) row.isGroup ? toggle(row) : choose(row);
    else if (event.key === "Escape" && leave) leave();
    else if (event.key.length === 1 && /\w/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const starts = (each: Row) => each.label.toLowerCase().startsWith(event.key.toLowerCase());
      const next = rows.findIndex((each, at) => at > active && starts(each));
      const any = next < 0 ? rows.findIndex(starts) : next;
      if (any >= 0) move(any);
    } else return;
    event.preventDefault();
  };
  const at = (event: SyntheticEvent) => {
    const place = (event.target as Element).closest(".row")?.getAttribute("aria-posinset");
    return place == null ? -1 : Number(place) - 1;
  };
  const shown = rows.slice(from, first + seen + BEYOND).map((row, at) => ({ row, at: from + at }));
  const current = rows[active];
  // a screen reader is told of the active row wherever it was scrolled to
  if (current && !shown.some((each) => each.at === active)) shown.push({ row: current, at: active });
  return (
    <div
      ref={scroller}
      className="tree"
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={rows[active] ? `${id}${active}` : undefined}
      onKeyDown={pressed}
      onScroll={(event) => {
        const at = Math.floor(event.currentTarget.scrollTop / ROW);
        // a few rows more or less make no new ones
        if (Math.abs(at - first) > BEYOND / 2) setFirst(at);
        scrolled();
      }}
    >
      <div
        className="rows"
        style={{ height: rows.length * ROW }}
        role="presentation"
        onPointerDown={(event) => {
          const row = rows[at(event)];
          if (row && !row.isGroup) grab?.(row, event);
        }}
        onClick={(event) => {
          const place = at(event);
          const row = rows[place];
          if (row === undefined) return;
          setActive(place);
          if (row.isGroup) toggle(row);
          else choose(row);
        }}
      >
        {shown.map(({ row, at }) => (
          <TreeRow key={row.key} id={`${id}${at}`} row={row} at={at} size={rows.length} isActive={at === active} isChosen={chosen.has(row.key)} />
        ))}
      </div>
    </div>
  );
}

type RowProps = { id: string; row: Row; at: number; size: number; isActive: boolean; isChosen: boolean };

/** One row; what is scrolled by stays as it was made. */
const TreeRow = memo(function TreeRow({ id, row, at, size, isActive, isChosen }: RowProps) {
  return (
    <div
      id={id}
      className={`row${row.isGroup ? " group" : ""}${isActive ? " active" : ""}${row.fails ? " fails" : ""}${row.field === null ? "" : " ruled"}`}
      role="treeitem"
      aria-level={row.isGroup ? 1 : 2}
      aria-expanded={row.isGroup ? row.isOpen : undefined}
      aria-selected={row.isGroup ? undefined : isChosen}
      aria-setsize={size}
      aria-posinset={at + 1}
      title={row.about}
      style={{ transform: `translateY(${at * ROW}px)` }}
    >
      <span className="name">
        {row.isGroup ? (row.isOpen ? "▾ " : "▸ ") : ""}
        {row.label}
        {row.isRequired && <b title="required"> *</b>}
      </span>{" "}
      <span className={row.fails ? "bad" : "quiet"}>{row.fails || row.told}</span>
    </div>
  );
});
