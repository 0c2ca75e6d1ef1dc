import { useMutation, useQuery } from "@tanstack/react-query";

import { api, given, type Way } from "../api/client";

/** The way of what is called so. */
export function useWays(wanted: string) {
  return useQuery({
    queryKey: ["ways", wanted],
    queryFn: () => given(api.GET("/api/ways", { params: { query: { q: wanted } } })),
    enabled: wanted !== "",
    // a document that is under way is seen to arrive
    refetchInterval: ({ state: { data } }) => (data?.some(isMoving) ? 5_000 : false),
  });
}

function isMoving(way: Way): boolean {
  return way.steps.some(
    ({ records, documents, letters }) =>
      records.some(({ outcome }) => outcome === "read") ||
      documents.some(({ state }) => state === "sending") ||
      letters.some(({ state }) => state === "replaying"),
  );
}

/** What may be meant by a part of a name or an amount. */
export function useHits(wanted: string) {
  return useQuery({
    queryKey: ["hits", wanted],
    queryFn: () => given(api.GET("/api/search", { params: { query: { q: wanted } } })),
    enabled: wanted !== "",
  });
}

/** What a leg read, understood and sent; asked for when somebody wants to see it, for the audit notes who did. */
export function usePayloads() {
  return useMutation({
    mutationFn: (body: { company: string; wanted: string; flow: string; leg: string }) =>
      given(api.POST("/api/payloads", { body })),
  });
}

/** Take the evidence pack of a document, as a file of the browser's. */
export function useEvidence(company: string, wanted: string) {
  return useMutation({
    mutationFn: async () => {
      const answer = api.POST("/api/evidence", { body: { company, wanted }, parseAs: "blob" });
      const pack = await given(answer as Promise<{ data?: Blob; error?: { detail?: unknown }; response: Response }>);
      const name = /filename="([^"]+)"/.exec((await answer).response.headers.get("content-disposition") ?? "")?.[1];
      const link = document.createElement("a");
      link.href = URL.createObjectURL(pack);
      link.download = name ?? "evidence.zip";
      link.click();
      URL.revokeObjectURL(link.href);
    },
  });
}
