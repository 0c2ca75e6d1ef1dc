import { useId, useRef, useState } from "react";

type Props = { label: string; value: string; words: string[]; change: (value: string) => void; whole?: boolean };

const SHOWN = 8;
const WORD = /[\w.$^@=%[\]]*$/;

/** A text in which names are completed while they are typed: arrows choose, Enter or Tab takes, Escape closes. */
export function Completed({ label, value, words, change, whole = false }: Props) {
  const id = useId();
  const box = useRef<HTMLInputElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [caret, setCaret] = useState(0);
  const begun = whole ? value : (WORD.exec(value.slice(0, caret))?.[0] ?? "");
  const typed = begun.toLowerCase();
  const found = typed === "" && !whole ? [] : words.filter((each) => each.toLowerCase().includes(typed) && each !== begun);
  found.sort((one, other) => Number(!one.toLowerCase().startsWith(typed)) - Number(!other.toLowerCase().startsWith(typed)));
  const shown = at === null ? [] : found.slice(0, SHOWN);
  const take = (word: string) => {
    const head = whole ? "" : value.slice(0, caret - begun.length);
    change(head + word + (whole ? "" : value.slice(caret)));
    setAt(null);
    const end = head.length + word.length;
    requestAnimationFrame(() => box.current?.setSelectionRange(end, end));
    setCaret(end);
  };
  return (
    <span className="completed">
      <input
        ref={box}
        role="combobox"
        aria-label={label}
        aria-autocomplete="list"
        aria-expanded={shown.length > 0}
        aria-controls={id}
        aria-activedescendant={shown.length > 0 ? `${id}${at}` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => {
          change(event.target.value);
          setCaret(event.target.selectionStart ?? event.target.value.length);
          setAt(0);
        }}
        onBlur={() => setAt(null)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" && at === null) setAt(0);
          if (shown.length === 0 || at === null) return;
          const word = shown[at];
          if (event.key === "ArrowDown") setAt((at + 1) % shown.length);
          else if (event.key === "ArrowUp") setAt((at + shown.length - 1) % shown.length);
          else if (event.key === "Escape") setAt(null);
          else if ((event.key === "Enter" || event.key === "Tab") && word !== undefined) take(word);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <span id={id} role="listbox" aria-label={`Names for ${label}`} hidden={shown.length === 0}>
        {shown.map((word, index) => (
          <span
            key={word}
            id={`${id}${index}`}
            role="option"
            aria-selected={index === at}
            onPointerDown={(event) => {
              event.preventDefault();
              take(word);
            }}
          >
            {word}
          </span>
        ))}
      </span>
    </span>
  );
}
