// `npm run sbom -- [--out FILE]`: what the package brings along at runtime, as CycloneDX 1.5, from package-lock.json alone.
// `npm sbom --omit dev` leaves out packages that development tools share with us (ws, yaml and two more), so we walk ourselves.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

interface Locked {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Lock {
  readonly packages: Readonly<Record<string, Locked>>
}

/** A package of the runtime set, and the paths in the lock of what it depends on. */
export interface RuntimePackage extends Locked {
  readonly path: string
  readonly name: string
  readonly needs: readonly string[]
}

export interface Bom {
  readonly bomFormat: 'CycloneDX'
  readonly specVersion: '1.5'
  readonly version: 1
  readonly metadata: { readonly component: Component }
  readonly components: readonly Component[]
  readonly dependencies: ReadonlyArray<{ readonly ref: string; readonly dependsOn: readonly string[] }>
}

interface Component {
  readonly type: 'library'
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses: ReadonlyArray<{ readonly expression: string }>
  readonly hashes?: ReadonlyArray<{ readonly alg: 'SHA-512'; readonly content: string }>
}

export function main(args: readonly string[]): number {
  const { values } = parseArgs({ args: [...args], options: { out: { type: 'string' } } })
  const text = `${JSON.stringify(bill(readLock()), null, 2)}\n`
  if (values.out === undefined) process.stdout.write(text)
  else writeFileSync(values.out, text)
  return 0
}

export function readLock(): Lock {
  return JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock
}

/** The bill for a lock file; the same lock gives the same bytes, so it carries no time and no serial number. */
export function bill(lock: Lock): Bom {
  const root = lock.packages['']!
  const packages = runtimePackages(lock)
  const self = component({ ...root, path: '', name: root.name!, needs: directNeeds(lock) })
  const refs = new Map(packages.map((each) => [each.path, refOf(each)]))
  const dependsOn = (needs: readonly string[]) => needs.map((path) => refs.get(path)!).sort()
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: self },
    components: packages.map(component),
    dependencies: [
      { ref: self['bom-ref'], dependsOn: dependsOn(directNeeds(lock)) },
      ...packages.map((each) => ({ ref: refOf(each), dependsOn: dependsOn(each.needs) })),
    ],
  }
}

/** What `npm install underpass` brings, in order of names. Throws for a lock that lacks one. */
export function runtimePackages(lock: Lock): readonly RuntimePackage[] {
  const found = new Map<string, RuntimePackage>()
  const waiting = [...directNeeds(lock)]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue
    const locked = lock.packages[path]!
    const needs = Object.keys({ ...locked.dependencies, ...locked.optionalDependencies }).map((name) =>
      resolve(lock, path, name),
    )
    found.set(path, { ...locked, path, name: path.replace(/^.*node_modules\//, ''), needs })
    waiting.push(...needs)
  }
  return [...found.values()].sort((a, b) => (refOf(a) < refOf(b) ? -1 : 1))
}

function directNeeds(lock: Lock): string[] {
  return Object.keys(lock.packages['']!.dependencies ?? {}).map((name) => resolve(lock, '', name))
}

/** Where Node would find it: the nearest node_modules upwards. */
function resolve(lock: Lock, from: string, name: string): string {
  for (let at = from; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`
    if (Object.hasOwn(lock.packages, path)) return path
    if (at === '') throw new Error(`package-lock.json has no ${name} for ${from}`)
  }
}

function refOf({ name, version }: Pick<RuntimePackage, 'name' | 'version'>): string {
  return `${name}@${version}`
}

function component(each: RuntimePackage): Component {
  const { name, version = '', license = '', integrity } = each
  return {
    type: 'library',
    'bom-ref': refOf(each),
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    licenses: [{ expression: license }],
    ...(integrity?.startsWith('sha512-') && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') }],
    }),
  }
}
