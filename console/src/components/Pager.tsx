import { count } from "../model/format";

type Props = { offset: number; rows: number; total: number; show: (offset: number) => void };

/** Which part of a list is shown, and the way to the others. */
export function Pager({ offset, rows, total, show }: Props) {
  const last = Math.max(0, Math.floor((total - 1) / rows) * rows);
  return (
    <nav className="pager" aria-label="Pages">
      <button disabled={offset === 0} onClick={() => show(0)}>
        First
      </button>
      <button disabled={offset === 0} onClick={() => show(Math.max(0, offset - rows))}>
        Previous
      </button>
      <span>
        {total === 0 ? "0" : `${count(offset + 1)}–${count(Math.min(offset + rows, total))}`} of {count(total)}
      </span>
      <button disabled={offset >= last} onClick={() => show(offset + rows)}>
        Next
      </button>
      <button disabled={offset >= last} onClick={() => show(last)}>
        Last
      </button>
    </nav>
  );
}
