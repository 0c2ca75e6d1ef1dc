import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, askAirflow, type Bundle, given } from "../api/client";

const of = (number: number) => ({ params: { path: { number } } });
const UNDER_WAY = new Set(["offered", "checked", "approved", "applying", "undoing"]);

/** The bundles that were offered to this environment. */
export function useBundles() {
  return useQuery({
    queryKey: ["bundles"],
    queryFn: () => given(api.GET("/api/design/bundles")),
    refetchInterval: ({ state: { data } }) => (data?.promotions.some((each) => UNDER_WAY.has(each.state)) ? 5_000 : false),
  });
}

/** One of them; while something becomes of it, it is seen to. */
export function useBundle(number: number) {
  return useQuery({
    queryKey: ["bundle", number],
    queryFn: () => given(api.GET("/api/design/bundles/{number}", of(number))),
    refetchInterval: ({ state: { data } }) => (data && UNDER_WAY.has(data.state) ? 5_000 : false),
  });
}

/** Pack and sign the files here, as a file of the browser's. */
export function usePack() {
  return useMutation({
    mutationFn: async () => {
      const answer = api.POST("/api/design/bundles/packs", { parseAs: "blob" });
      const bundle = await given(answer as Promise<{ data?: Blob; error?: { detail?: unknown }; response: Response }>);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(bundle);
      link.download = "bundle.zip";
      link.click();
      URL.revokeObjectURL(link.href);
    },
  });
}

/** Offer a bundle to this environment. */
export function useOffer() {
  const keep = useKeep();
  return useMutation({
    mutationFn: async (file: File) => {
      const content = btoa(Array.from(new Uint8Array(await file.arrayBuffer()), (each) => String.fromCharCode(each)).join(""));
      return given(api.POST("/api/design/bundles", { body: { content } }));
    },
    onSuccess: keep,
  });
}

/** Start the run that checks a bundle and asks for its approval, with what the user may do in Airflow. */
export function useStart(airflow: string, number: number) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => askAirflow("POST", `${airflow}/api/v2/dags/promote/dagRuns`, { logical_date: null, conf: { promotion: number } }),
    onSettled: () => client.invalidateQueries({ queryKey: ["bundle", number] }),
  });
}

/** Let the files be as they were before a bundle. */
export function useGoBack(number: number) {
  const keep = useKeep();
  return useMutation({
    mutationFn: () => given(api.POST("/api/design/bundles/{number}/rollbacks", of(number))),
    onSuccess: keep,
  });
}

function useKeep() {
  const client = useQueryClient();
  return (bundle: Bundle) => {
    client.setQueryData(["bundle", bundle.id], bundle);
    void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "me" && queryKey[0] !== "bundle" });
  };
}
