// Configuration files of the gateway and of the command line, TOML and JSON, and tsh's YAML profiles: whatever is in them, what
// is wrong is said by a named error.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Command, Option } from '../../../src/cli/command.js'
import { readConfigFile } from '../../../src/cli/config-file.js'
import { problemsOf } from '../../../src/gateway/file/check.js'
import { loadConfig } from '../../../src/gateway/file/load.js'
import { parseConfig } from '../../../src/gateway/file/read.js'
import { gatewaySchema } from '../../../src/gateway/file/schema.js'
import { tshLogin } from '../../../src/login/index.js'
import { mutatedText } from '../bytes.js'
import { must, outcome, outcomeOf, type Target, target } from '../target.js'

const gatewayToml = `pingInterval = "30s"
[listen.upgrade]
host = "127.0.0.1"
port = 3080
[identity]
certificate = "server.pem"
privateKey = "server.key"
[[routes]]
name = "postgres"
alpn = ["teleport-postgres", "a*"]
ping = true
connect = { host = "127.0.0.1", port = 5432, proxyProtocol = "v2" }
client = { trust = "users.pem", allow = [{ commonName = "alice", dns = { pattern = "a+" } }] }
[limits]
connections = 100
`
const gatewayJson = JSON.stringify({
  listen: { upgrade: { port: 0, forwarded: { hops: 1 } }, direct: { port: 1 } },
  identity: { certificate: 'a', privateKey: 'b' },
  routes: [{ name: 'r', alpn: 'x', connect: { path: '/x' }, client: 'anyone-without-a-certificate' }],
})
const cliToml = `origin = "https://origin.example.com"
alpn = ["a", "b"]
server-name = "inner"
[proxy]
trust = "ca.pem"
[[listen]]
port = 5432
`
// biome-ignore format: a list
const grammar = ['"', "'", '\n', '[', ']', '[[', '{', '}', '=', ',', '.', '#', '\\u0000', '"""\n', '0x', '1e9', '-', 'true', '[[routes]]\n', '__proto__', 'constructor', '\0', '1979-05-27T07:32:00Z', 'é', ' ', '\t', '[['.repeat(3), '{"a":']

interface File {
  readonly text: string
  readonly json: boolean
}

const texts = (bases: readonly string[], pieces: readonly string[]) =>
  fc.record({ text: mutatedText(bases, pieces), json: fc.boolean() })

export const gatewayConfigTarget: Target = target(
  'gateway-config',
  "the gateway's configuration file",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'underpass-fuzz-'))
    for (const name of ['server.pem', 'server.key', 'users.pem']) await writeFile(join(folder, name), 'none')
    return {
      input: texts([gatewayToml, gatewayJson], grammar),
      async execute({ text, json }: File) {
        const name = json ? 'gateway.json' : 'gateway.toml'
        const { value, error } = outcome(() => parseConfig(name, text))
        must(
          error === undefined || error.code === 'ERR_GATEWAY_CONFIG',
          `a file that fails with ${error?.code}`,
        )
        if (error !== undefined) return
        const problems = problemsOf(value, gatewaySchema)
        // Only what gets past the schema is worth a file.
        if (problems.length > 0) return
        const path = join(folder, name)
        await writeFile(path, text)
        const loaded = await outcomeOf(() => loadConfig(path))
        must(
          loaded.error === undefined || loaded.error.code === 'ERR_GATEWAY_CONFIG',
          `a file that fails with ${loaded.error?.code}`,
        )
      },
      close: () => rm(folder, { recursive: true, force: true }),
    }
  },
)

const options: readonly Option[] = [
  { flag: 'origin', value: 'URL', describe: '' },
  { flag: 'alpn', value: 'NAME', many: true, describe: '' },
  { flag: 'server-name', value: 'NAME', describe: '' },
  { flag: 'trust', value: 'FILE', many: true, describe: '' },
]
const command: Command = {
  name: 'proxy',
  summary: '',
  usage: '',
  options,
  examples: [],
  run: () => Promise.resolve(0),
}

export const cliConfigTarget: Target = target(
  'cli-config',
  "the command line's configuration file",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'underpass-fuzz-'))
    return {
      input: texts(
        [
          cliToml,
          JSON.stringify({ origin: 'https://o', alpn: ['a'], proxy: { trust: 'x' }, listen: [{ port: 1 }] }),
        ],
        grammar,
      ),
      async execute({ text, json }: File) {
        const path = join(folder, json ? 'under.json' : 'under.toml')
        await writeFile(path, text)
        const { value, error } = await outcomeOf(() => readConfigFile(path, command, [command], []))
        must(
          error === undefined || error.code === 'ERR_CONFIG_INVALID',
          `a file that fails with ${error?.code}`,
        )
        if (value !== undefined) outcome(() => value.table('listen'))
        must(!('polluted' in {}), 'a prototype was written to')
      },
      close: () => rm(folder, { recursive: true, force: true }),
    }
  },
)

const profileYaml = `web_proxy_addr: teleport.example.com:443
ssh_proxy_addr: teleport.example.com:3023
user: alice
cluster: root
tls_routing_conn_upgrade_required: true
dynamic_forwarded_ports: []
siteName: leaf
`
// biome-ignore format: a list
const yamlGrammar = ['- ', ': ', '\n', '  ', '&a ', '*a', '!!binary ', '|\n', '>\n', '{', '}', '[', ']', '"', "'", '#', '%YAML 1.2\n---\n', '...\n', '? ', '<<: *a\n', '[[[[', '\t', '../', '\0', 'web_proxy_addr: [::1]:443\n', 'user: ..\n']

export const profileTarget: Target = target('tsh-profile', 'profiles of tsh', async () => {
  const home = await mkdtemp(join(tmpdir(), 'underpass-fuzz-'))
  await mkdir(join(home, 'keys'))
  await writeFile(join(home, 'current-profile'), 'teleport.example.com')
  return {
    input: mutatedText([profileYaml], yamlGrammar),
    async execute(text: string) {
      await writeFile(join(home, 'teleport.example.com.yaml'), text)
      const { error } = await outcomeOf(() => tshLogin({ home }))
      must(
        error !== undefined && /^ERR_CONFIG_/.test(error.code),
        `a profile without keys ends with ${error?.code}`,
      )
    },
    close: () => rm(home, { recursive: true, force: true }),
  }
})
