// A configuration file's text as a value: TOML, or JSON where the name ends so. What cannot be read is said with its line.
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import { failure, type TunnelError } from '../../errors-node.js'

/** Throws ERR_GATEWAY_CONFIG. */
export async function readConfig(path: string): Promise<unknown> {
  return parseConfig(basename(path), await readText(path, 'the configuration'))
}

/** Throws ERR_GATEWAY_CONFIG. */
export function parseConfig(name: string, text: string): unknown {
  if (!name.endsWith('.json')) return parsed(name, () => parseToml(text))
  const value = parsed(name, () => JSON.parse(text) as unknown)
  // Of two like keys JSON.parse takes the last, as if nobody had written the other: a policy, say. TOML has none.
  if (keysIn(value) !== [...text.matchAll(string)].filter(([, colon]) => colon !== undefined).length)
    throw failure('ERR_GATEWAY_CONFIG', `${name}: a key stands twice in one object`)
  return value
}

/** A string of JSON, with the colon behind it where it is a key. */
const string = /"(?:[^"\\]|\\.)*"(\s*:)?/g

function keysIn(value: unknown): number {
  let keys = 0
  // Not by calling itself: text may be nested deeper than calls.
  for (const left = [value]; left.length > 0; ) {
    const each = left.pop()
    if (typeof each !== 'object' || each === null) continue
    if (!Array.isArray(each)) keys += Object.keys(each).length
    for (const inside of Object.values(each)) left.push(inside)
  }
  return keys
}

function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw unreadable(name, cause)
  }
}

/** Throws ERR_GATEWAY_CONFIG that names `what` and the path, never the content. */
export async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable'
    throw failure('ERR_GATEWAY_CONFIG', `${what}: cannot read ${path} (${code})`, { cause })
  }
}

// A parser quotes the text around the mistake; that text may be somebody's secret in the wrong place.
function unreadable(name: string, cause: unknown): TunnelError {
  if (cause instanceof TomlError) {
    const reason = cause.message.split('\n', 1)[0]!.replace(/^Invalid TOML document: /, '')
    return failure('ERR_GATEWAY_CONFIG', `${name}:${cause.line}:${cause.column}: ${reason}`)
  }
  const offset = /at position (\d+)/.exec((cause as Error).message)?.[1]
  return failure(
    'ERR_GATEWAY_CONFIG',
    `${name}: no JSON${offset === undefined ? '' : ` from character ${offset} on`}`,
  )
}
