// Spans of a message as a tree: a parent holds those that lie within it. Which field a byte belongs to, in words.
import type { Span } from 'underpass/browser'

export interface Field extends Span {
  readonly depth: number
  readonly children: readonly Field[]
}

/** By position; spans of equal extent nest in the order given. */
export function spanTree(spans: readonly Span[]): Field[] {
  const ordered = spans
    .map((span, at) => ({ span, at }))
    .sort((a, b) => a.span.start - b.span.start || b.span.end - a.span.end || a.at - b.at)
  const roots: Field[] = []
  const open: Field[] = []
  for (const { span } of ordered) {
    while (open.length > 0 && span.start >= open.at(-1)!.end) open.pop()
    // What reaches over its parent's end is its sibling.
    while (open.length > 0 && span.end > open.at(-1)!.end) open.pop()
    const parent = open.at(-1)
    const field: Field = { ...span, depth: open.length, children: [] }
    ;((parent?.children as Field[] | undefined) ?? roots).push(field)
    open.push(field)
  }
  return roots
}

/** The tree, each parent before its children. */
export function flat(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => [field, ...flat(field.children)])
}

/** The innermost field around a byte. */
export function fieldAt(fields: readonly Field[], offset: number): Field | undefined {
  const field = fields.find(({ start, end }) => start <= offset && offset < end)
  return field === undefined ? undefined : (fieldAt(field.children, offset) ?? field)
}
