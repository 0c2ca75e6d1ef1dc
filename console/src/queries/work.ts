import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, given, type Work } from "../api/client";

export type Kind = "letter" | "question" | "proposal" | "unknown" | "overdue";

/** Entries of the work list with who has each, as it was seen. */
export type Entries = { kind: Kind; seen: Record<string, Work["assignee"]> };

/** Let somebody take entries on, or nobody: all of them or none. */
export function useAssign() {
  const forget = useForget();
  return useMutation({
    mutationFn: ({ kind, seen, to }: Entries & { to: string | null }) =>
      given(api.POST("/api/work/assignments", { body: { kind, seen, to } })),
    onSettled: forget,
  });
}

/** Put tags at entries, or take them away. */
export function useTag() {
  const forget = useForget();
  return useMutation({
    mutationFn: ({ kind, seen, add = [], remove = [] }: Entries & { add?: string[]; remove?: string[] }) =>
      given(api.POST("/api/work/tags", { body: { kind, entries: Object.keys(seen), add, remove } })),
    onSettled: forget,
  });
}

/** Say something of an entry. */
export function useComment(kind: Kind, entry: string) {
  const forget = useForget();
  return useMutation({
    mutationFn: (text: string) => given(api.POST("/api/work/comments", { body: { kind, entry, text } })),
    onSettled: forget,
  });
}

/** What was asked before is asked anew: also when it was refused, for then somebody else did something. */
function useForget() {
  const client = useQueryClient();
  return () => client.invalidateQueries();
}
