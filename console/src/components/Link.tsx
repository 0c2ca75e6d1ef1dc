import { type AnchorHTMLAttributes, useSyncExternalStore } from "react";

import { addressOf, type Route, routeOf } from "../model/route";

const MOVED = "ledgerbridge-moved";

/** Show another route; the browser's back leads to this one again. */
export function go(route: Route, { replace = false } = {}): void {
  const address = new URL(addressOf(route), document.baseURI);
  window.history[replace ? "replaceState" : "pushState"](null, "", address);
  window.dispatchEvent(new Event(MOVED));
  if (!replace) window.scrollTo(0, 0);
}

/** The route that the address names. */
export function useRoute(): Route {
  const address = useSyncExternalStore(whenMoved, () => window.location.href);
  return routeOf(address.slice(document.baseURI.length));
}

function whenMoved(tell: () => void): () => void {
  const moved = () => {
    tell();
    // Airflow's page shows the frame's address in its own whenever the frame says that it has loaded: so links are deep
    window.frameElement?.dispatchEvent(new Event("load"));
  };
  window.addEventListener(MOVED, moved);
  window.addEventListener("popstate", moved);
  return () => {
    window.removeEventListener(MOVED, moved);
    window.removeEventListener("popstate", moved);
  };
}

type Props = { to: Route } & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href">;

/** A link to another view; it can be opened in a tab of its own as any link. */
export function Link({ to, ...rest }: Props) {
  return (
    <a
      {...rest}
      href={addressOf(to)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        go(to);
      }}
    />
  );
}
