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
  try {
    return name.endsWith('.json') ? JSON.parse(text) : parseToml(text)
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
