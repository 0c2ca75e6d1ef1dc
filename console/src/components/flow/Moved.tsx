import { useStoreApi } from "@xyflow/react";
import { useEffect } from "react";

/** How long a drawing stands still before it is painted anew. */
const STILL_MS = 150;
/** How far apart the dots of the ground are drawn, and how near they may come to each other when it is seen from afar. */
const [DOTS, NEAREST] = [20, 12];

/**
 * Lets a drawing move as one picture, with its ground: nothing of it is painted while it does.
 *
 * React Flow moves and scales what lies in the pane. Here the pane is moved instead, which is a layer of its own
 * (styles.css), and what lies in it stays as it was painted; once it stands still both change places, and it is sharp.
 */
export function Moved() {
  const store = useStoreApi();
  useEffect(() => {
    const pane = store.getState().domNode?.querySelector<HTMLElement>(".react-flow__pane");
    const view = pane?.querySelector<HTMLElement>(".react-flow__viewport");
    if (!pane || !view) return;
    let painted = store.getState().transform;
    let waiting: number | undefined;
    const placed = ([x, y, zoom]: typeof painted) => `translate(${x}px, ${y}px) scale(${zoom})`;
    const paint = () => {
      painted = store.getState().transform;
      const [x, y, zoom] = painted;
      view.style.transform = placed(painted);
      pane.style.transform = "";
      pane.style.setProperty("--dots", `${DOTS * zoom * 2 ** Math.max(0, Math.ceil(Math.log2(NEAREST / DOTS / zoom)))}px`);
      pane.style.setProperty("--dots-x", `${x}px`);
      pane.style.setProperty("--dots-y", `${y}px`);
    };
    const follow = ([x, y, zoom]: typeof painted) => {
      const larger = zoom / painted[2];
      view.style.transform = placed(painted);
      pane.style.transform = placed([x - larger * painted[0], y - larger * painted[1], larger]);
      window.clearTimeout(waiting);
      waiting = window.setTimeout(paint, STILL_MS);
    };
    // an animation that adds nothing: what is animated is moved by the compositor alone, which else goes through all its layers
    const animation = pane.animate({ transform: ["none", "none"] }, { composite: "add", fill: "both" });
    animation.pause();
    paint();
    const leave = store.subscribe((now, before) => {
      if (now.transform !== before.transform) follow(now.transform);
      // React Flow measures new nodes by the scale of what lies in the pane
      if (now.nodes !== before.nodes && painted !== now.transform) paint();
    });
    return () => {
      leave();
      animation.cancel();
      window.clearTimeout(waiting);
    };
  }, [store]);
  return null;
}
