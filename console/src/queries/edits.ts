import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useRef, useState } from "react";

import type { DraftedView, Edit } from "../api/client";
import type { Kind } from "./design";

/** How a kind of file is changed, and given a text it had: each answers the file as it is then. */
export interface Acts<Drafted> {
  change: (body: { seen: number; edits: Edit[] }) => Promise<Drafted>;
  restore: (body: { seen: number; text: string }) => Promise<Drafted>;
}

type Act<Drafted> = { edits: Edit[]; done?: ((changed: Drafted) => void) | undefined } | "undo" | "redo";

/** Texts of a file, the last one last: those that undo and redo bring back. */
interface History {
  back: string[];
  forth: string[];
}

/** A file's draft as it is changed: each change can be undone, as long as the page is open. */
export function useEdits<Drafted extends DraftedView>(kind: Kind, file: Drafted, acts: Acts<Drafted>) {
  const client = useQueryClient();
  const [history, setHistory] = useState<History>({ back: [], forth: [] });
  // what the next of several acts in a row begins with is known when it begins, not when somebody asked for it
  const latest = useRef(history);
  const key = [kind, file.name];
  const act = useMutation({
    // one after the other: each has to have seen the one before
    scope: { id: key.join() },
    mutationFn: async (wanted: Act<Drafted>): Promise<Drafted> => {
      const now = client.getQueryData<Drafted>(key) ?? file;
      const seen = now.draft?.version ?? 0;
      const { back, forth } = latest.current;
      if (typeof wanted !== "string") {
        const changed = await acts.change({ seen, edits: wanted.edits });
        // nothing is undone beyond what was published or given up
        keep({ back: now.draft === null ? [now.text] : [...back, now.text], forth: [] });
        return changed;
      }
      const text = (wanted === "undo" ? back : forth).at(-1);
      if (text === undefined) return now;
      const changed = await acts.restore({ seen, text });
      keep(
        wanted === "undo"
          ? { back: back.slice(0, -1), forth: [...forth, now.text] }
          : { back: [...back, now.text], forth: forth.slice(0, -1) },
      );
      return changed;
    },
    onSuccess: (changed, wanted) => {
      client.setQueryData(key, changed);
      if (typeof wanted !== "string") wanted.done?.(changed);
    },
    onSettled: () => void client.invalidateQueries({ queryKey: ["files"] }),
  });
  function keep(next: History) {
    latest.current = next;
    setHistory(next);
  }
  const isDrafted = file.draft !== null;
  return {
    error: act.error,
    isPending: act.isPending,
    mayUndo: isDrafted && history.back.length > 0,
    mayRedo: isDrafted && history.forth.length > 0,
    edit(edits: Edit[], done?: (changed: Drafted) => void) {
      if (edits.length > 0) act.mutate({ edits, done });
    },
    undo: () => act.mutate("undo"),
    redo: () => act.mutate("redo"),
  };
}

/** What is undone and done again, whatever the file. */
export type Undoable = Pick<ReturnType<typeof useEdits>, "isPending" | "mayUndo" | "mayRedo" | "undo" | "redo">;

/** Whether a key is typed into something: then it is not for the page. */
export function isTyped(event: KeyboardEvent): boolean {
  return (event.target as HTMLElement).closest("input, textarea, select, dialog") !== null;
}

/** Undo or redo where a key asks for it; whether one did. */
export function undoneByKey(event: KeyboardEvent, edits: Undoable): boolean {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || isTyped(event)) return false;
  const [back, forth] = [key === "z" && !event.shiftKey, key === "y" || (key === "z" && event.shiftKey)];
  if (back && edits.mayUndo) edits.undo();
  else if (forth && edits.mayRedo) edits.redo();
  else return false;
  event.preventDefault();
  return true;
}
