import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { api, type Edit, type FlowView, given } from "../api/client";
import { keyOf } from "../model/mapping";

const of = (name: string) => ({ params: { path: { name } } });

/** A flow as this user's draft has it, or as it is live; others' drafts are looked for every half minute. */
export function useFlow(name: string) {
  return useQuery({
    queryKey: ["flows", name],
    queryFn: () => given(api.GET("/api/design/flows/{name}", of(name))),
    refetchInterval: 30_000,
  });
}

/** What a flow can be made of. */
export function usePalette(enabled: boolean) {
  return useQuery({ queryKey: ["palette"], queryFn: () => given(api.GET("/api/design/palette")), enabled, staleTime: 60_000 });
}

/** The flow as it would be with these changes, while they are being written; nothing is asked while there are none. */
export function useFlowPreview(name: string, edits: Edit[]) {
  return useQuery({
    queryKey: ["flow preview", name, keyOf(edits.map((each) => JSON.stringify(each)))],
    queryFn: () => given(api.POST("/api/design/flows/{name}/previews", { ...of(name), body: { edits } })),
    enabled: edits.length > 0,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}

type Act = { edits: Edit[]; done?: ((changed: FlowView) => void) | undefined } | "undo" | "redo";

/** Texts of a flow, the last one last: those that undo and redo bring back. */
interface History {
  back: string[];
  forth: string[];
}

/** A flow's draft as it is changed: each change can be undone, as long as the page is open. */
export function useDesign(flow: FlowView) {
  const client = useQueryClient();
  const [history, setHistory] = useState<History>({ back: [], forth: [] });
  // what the next of several acts in a row begins with is known when it begins, not when somebody asked for it
  const latest = useRef(history);
  const key = ["flows", flow.name];
  const act = useMutation({
    // one after the other: each has to have seen the one before
    scope: { id: key.join() },
    mutationFn: async (wanted: Act) => {
      const now = client.getQueryData<FlowView>(key) ?? flow;
      const seen = now.draft?.version ?? 0;
      const { back, forth } = latest.current;
      if (typeof wanted !== "string") {
        const { edits } = wanted;
        const changed = await given(api.POST("/api/design/flows/{name}/changes", { ...of(flow.name), body: { seen, edits } }));
        // nothing is undone beyond what was published or given up
        keep({ back: now.draft === null ? [now.text] : [...back, now.text], forth: [] });
        return changed;
      }
      const text = (wanted === "undo" ? back : forth).at(-1);
      if (text === undefined) return now;
      const changed = await given(api.POST("/api/design/flows/{name}/texts", { ...of(flow.name), body: { seen, text } }));
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
  const isDrafted = flow.draft !== null;
  return {
    error: act.error,
    isPending: act.isPending,
    mayUndo: isDrafted && history.back.length > 0,
    mayRedo: isDrafted && history.forth.length > 0,
    edit(edits: Edit[], done?: (changed: FlowView) => void) {
      if (edits.length > 0) act.mutate({ edits, done });
    },
    undo: () => act.mutate("undo"),
    redo: () => act.mutate("redo"),
  };
}

export type Design = ReturnType<typeof useDesign>;

/** What the last pass of each leg did, looked for every quarter of a minute. */
export function usePasses(name: string) {
  return useQuery({
    queryKey: ["passes", name],
    queryFn: () => given(api.GET("/api/design/flows/{name}/passes", of(name))),
    refetchInterval: 15_000,
  });
}
