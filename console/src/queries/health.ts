import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";

import { api, given } from "../api/client";
import type { Run } from "../model/route";

/** How everything goes, asked anew every half minute. */
export function useHealth() {
  return useQuery({ queryKey: ["health"], queryFn: () => given(api.GET("/api/health")), refetchInterval: 30_000 });
}

/** What the last comparison of the books of each period found. */
export function useVerdicts() {
  return useQuery({ queryKey: ["verdicts"], queryFn: () => given(api.GET("/api/verdicts")) });
}

/** A run's comparison of the books, whole. */
export function useClose(run: Run) {
  return useQuery({ queryKey: ["close", run], queryFn: () => given(api.GET("/api/close", { params: { query: run } })) });
}

/** Who did what, page by page. */
export function useAudit(by: string, record: string, people: boolean) {
  return useInfiniteQuery({
    queryKey: ["audit", by, record, people],
    queryFn: ({ pageParam }) =>
      given(
        api.GET("/api/audit", {
          params: { query: { people, by: by || null, record: record || null, before: pageParam } },
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => last.before,
  });
}

/** Walk the whole audit chain. */
export function useVerification() {
  return useMutation({ mutationFn: () => given(api.POST("/api/audit/verifications")) });
}
