import type { Undoable } from "../queries/edits";

/** Take the last change of a draft back, and make it again. */
export function Undo({ edits }: { edits: Undoable }) {
  return (
    <>
      <button type="button" disabled={!edits.mayUndo || edits.isPending} onClick={edits.undo}>
        Undo
      </button>
      <button type="button" disabled={!edits.mayRedo || edits.isPending} onClick={edits.redo}>
        Redo
      </button>
    </>
  );
}
