import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, given, type SignOff } from "../api/client";
import { beginning } from "../model/format";
import type { Asked, Run } from "../model/route";

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

/** The periods that people signed, with what changed since. */
export function useSignOffs() {
  return useQuery({ queryKey: ["sign-offs"], queryFn: () => given(api.GET("/api/sign-offs")) });
}

/** Open a signed period again. */
export function useReopening({ company, id }: Pick<SignOff, "company" | "id">) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (reason: string) =>
      given(
        api.POST("/api/sign-offs/{company}/{sign_off}/reopenings", {
          params: { path: { company, sign_off: id } },
          body: { reason },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ["sign-offs"] }),
  });
}

/** Who did what, page by page. */
export function useAudit({ by, record, from, to, all }: Asked) {
  const asked = { people: !all, by: by || null, record: record || null, since: beginning(from), until: beginning(to, 1) };
  return useInfiniteQuery({
    queryKey: ["audit", asked],
    queryFn: ({ pageParam }) =>
      given(
        api.GET("/api/audit", {
          params: { query: { ...asked, before: pageParam } },
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
