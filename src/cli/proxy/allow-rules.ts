// What clients of SOCKS5 and CONNECT may ask for: `--allow 'orders.internal:5432=postgres'`, or [[allow]] tables.
import { failure, type TunnelError } from '../../errors-node.js'
import { preset, presets } from '../../presets/index.js'
import type { Rule } from '../../proxy/index.js'
import type { Settings } from '../command.js'
import { kebab } from '../config-file.js'
import { didYouMean } from '../nearest.js'

const form =
  "Write HOST[:PORT]=PRESET or HOST[:PORT]=ALPN[,ALPN][@SERVER-NAME], as '*.apps.example.com:443=http/1.1@{host}'."

/**
 * All of them, flags first; `origin` is the host that presets name servers by. Throws ERR_CONFIG_INVALID; what a host may be is
 * the proxy's to say.
 */
export function allowRules(settings: Settings, origin: string): Rule[] {
  const source = settings.source('allow') ?? '--allow'
  const rules = settings.list('allow').map((text) => ofText(text, source, origin))
  for (const table of settings.table('allow')) rules.push(ofTable(table, origin))
  return rules
}

function ofText(text: string, source: string, origin: string): Rule {
  const match = /^(?:\[([^\]]+)\]|([^:=@[\]]+))(?::(\d+))?=([^@]+)(?:@(.+))?$/.exec(text)
  if (match === null) throw invalid(`${source}: ${JSON.stringify(text)} is no rule`)
  return ruleOf((match[1] ?? match[2])!, match[3], match[4]!.split(','), match[5], origin)
}

const keys = ['host', 'port', 'alpn', 'preset', 'server-name']

function ofTable(table: Readonly<Record<string, unknown>>, origin: string): Rule {
  const values = new Map(Object.entries(table).map(([key, value]) => [kebab(key), value]))
  for (const key of values.keys())
    if (!keys.includes(key))
      throw failure('ERR_CONFIG_INVALID', `[[allow]]: there is no key \`${key}\``, {
        hint: didYouMean(key, keys, `Keys are ${keys.join(', ')}.`),
      })
  const text = (key: string): string | undefined => {
    const value = values.get(key)
    if (value !== undefined && typeof value !== 'string')
      throw invalid(`[[allow]]: \`${key}\` must be a text`)
    return value
  }
  const host = text('host')
  const given = values.get('alpn') ?? text('preset')
  const alpn = Array.isArray(given) ? given : [given]
  if (host === undefined || !alpn.every((name) => typeof name === 'string'))
    throw invalid('[[allow]]: `host`, and `alpn` or `preset`, are needed')
  const port = values.get('port')
  return ruleOf(host, port === undefined ? undefined : String(port), alpn, text('server-name'), origin)
}

function ruleOf(
  host: string,
  port: string | undefined,
  names: readonly string[],
  serverName: string | undefined,
  origin: string,
): Rule {
  const [first = ''] = names
  const known =
    names.length === 1 && presets.some(({ name }) => name === first)
      ? preset(first, { host: origin })
      : undefined
  const server = serverName ?? known?.serverName
  return {
    host,
    ...(port !== undefined && { port: Number(port) }),
    target: { alpn: known?.alpn ?? names, ...(server !== undefined && { serverName: server }) },
  }
}

function invalid(what: string): TunnelError {
  return failure('ERR_CONFIG_INVALID', what, { hint: form })
}
