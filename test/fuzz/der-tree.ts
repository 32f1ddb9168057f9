// Changes to DER that keep it DER: an element replaced, removed, repeated, moved or given other content, with every length
// around it made to fit, so that the change gets past the first check.
import fc, { type Arbitrary } from 'fast-check'
import { concat } from '../../src/bytes/index.js'
import { element } from '../../src/der/index.js'
import { applied, type Edit, edit } from './bytes.js'

interface Node {
  readonly tag: number
  readonly content: Uint8Array
  /** Undefined for a primitive element. */
  readonly children: readonly Node[] | undefined
}

export interface TreeEdit {
  readonly kind: (typeof kinds)[number]
  readonly at: number
  readonly other: number
  readonly edit: Edit
}

const kinds = ['content', 'tag', 'remove', 'repeat', 'exchange', 'copy', 'empty', 'nest'] as const

export const treeEdits: Arbitrary<TreeEdit[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...kinds), at: fc.nat(65_535), other: fc.nat(65_535), edit }),
  { minLength: 1, maxLength: 4 },
)

export function treeApplied(bytes: Uint8Array, changes: readonly TreeEdit[]): Uint8Array<ArrayBuffer> {
  return changes.reduce<Uint8Array<ArrayBuffer>>((der, change) => {
    const roots = parse(der)
    if (roots === undefined) return der
    const nodes = roots.flatMap(everyNode)
    const pick = (part: number) => nodes[Math.floor((part * nodes.length) / 65_536)]!
    const chosen = pick(change.at)
    const other = pick(change.other)
    return concat(...roots.map((root) => write(root, chosen, () => changed(chosen, other, change))))
  }, new Uint8Array(bytes))
}

/** Real DER with changes of this kind, and sometimes raw ones behind them. */
export function mutatedDer(bases: readonly Uint8Array[]): Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc
    .tuple(fc.nat(bases.length - 1), treeEdits, fc.array(edit, { maxLength: 1 }))
    .map(([base, tree, raw]) => applied(treeApplied(bases[base]!, tree), raw).slice(0, 100_000))
}

function changed(node: Node, other: Node, { kind, edit, at }: TreeEdit): Uint8Array {
  const same = () => write(node)
  switch (kind) {
    case 'content':
      return element(node.tag, applied(node.content, [edit]))
    case 'tag':
      return element((edit.value & 0xff) === 0x1f ? 0x30 : edit.value & 0xff, node.content)
    case 'remove':
      return new Uint8Array(0)
    case 'repeat':
      return concat(...Array<Uint8Array>(2 + (edit.length % 200)).fill(same()))
    case 'exchange':
      return write(other)
    case 'copy':
      return concat(same(), write(other))
    case 'empty':
      return element(node.tag)
    case 'nest': {
      let nested = same()
      for (let i = 0; i < at % 60; i++) nested = element(0x30, nested)
      return nested
    }
  }
}

function write(node: Node, replaced?: Node, replacement?: () => Uint8Array): Uint8Array {
  if (node === replaced) return replacement!()
  if (node.children === undefined) return element(node.tag, node.content)
  const parts = node.children.map((child) => write(child, replaced, replacement))
  // The count of unused bits stands before what a BIT STRING wraps.
  return element(node.tag, ...(node.tag === 3 ? [new Uint8Array(1)] : []), ...parts)
}

function everyNode(node: Node): Node[] {
  return [node, ...(node.children ?? []).flatMap(everyNode)]
}

function parse(bytes: Uint8Array, depth = 0): Node[] | undefined {
  const nodes: Node[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++]!
    let length = bytes[at++]
    if (length === undefined || (tag & 0x1f) === 0x1f || depth > 30) return undefined
    if (length >= 0x80) {
      const octets = length & 0x7f
      if (octets === 0 || octets > 3) return undefined
      length = 0
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at++] ?? 0)
    }
    if (at + length > bytes.length) return undefined
    const content = bytes.subarray(at, at + length)
    at += length
    // Constructed ones, and strings that wrap DER, as extensions and keys do.
    const wraps = tag === 4 || (tag === 3 && content[0] === 0)
    const inner =
      (tag & 0x20) !== 0
        ? parse(content, depth + 1)
        : wraps && content.length > 2
          ? parse(tag === 3 ? content.subarray(1) : content, depth + 1)
          : undefined
    nodes.push({ tag, content, children: inner?.length ? inner : undefined })
  }
  return nodes
}
