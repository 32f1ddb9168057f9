// What an installation brings along: exactly the packages that decisions.md gives a reason for, none of which runs a script
// when it is installed, all of them pinned by the hash of their content.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bill, type Lock, runtimePackages } from '../../scripts/sbom.js'
import { projectRoot } from './source.js'

const read = (name: string) => readFileSync(join(projectRoot, name), 'utf8')
const lock = JSON.parse(read('package-lock.json')) as Lock
const manifest = JSON.parse(read('package.json')) as {
  readonly dependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}
const packages = runtimePackages(lock)

describe('the runtime dependencies', () => {
  it('are those of package.json and what these need, once each', () => {
    const direct = Object.keys(manifest.dependencies)
    expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(direct))
    expect(packages.length).toBeLessThan(30)
    // The lock is in step with the manifest.
    for (const [name, version] of Object.entries(manifest.dependencies))
      expect(packages.find((each) => each.name === name)?.version).toBe(version)
  })

  it('run nothing when they are installed, and neither do we', () => {
    expect(packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name)).toEqual([])
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']
    expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([])
    // npm writes the mark from the published manifests; these are the ones on disk.
    for (const { path } of packages) {
      const { scripts = {} } = JSON.parse(read(`${path}/package.json`)) as { scripts?: object }
      expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([])
    }
  })

  it('come from the registry, by the SHA-512 of their content', () => {
    for (const { name, integrity = '', resolved = '' } of packages) {
      expect([name, integrity]).toEqual([name, expect.stringMatching(/^sha512-[A-Za-z0-9+/]{86}==$/)])
      expect([name, resolved]).toEqual([
        name,
        expect.stringMatching(/^(https:\/\/registry\.npmjs\.org\/.*)?$/),
      ])
    }
  })

  it('have a reason in docs/decisions.md, and a licence', () => {
    const decisions = read('docs/decisions.md')
    const direct = Object.keys(manifest.dependencies)
    expect(
      direct.filter((name) => !decisions.includes(`| \`${name}\` ${manifest.dependencies[name]} |`)),
    ).toEqual([])
    const indirect = packages.map(({ name }) => name).filter((name) => !direct.includes(name))
    expect(indirect.filter((name) => !decisions.includes(`\`${name}\``))).toEqual([])
    expect(packages.filter(({ license }) => license === undefined).map(({ name }) => name)).toEqual([])
  })
})

describe('the bill of materials', () => {
  const bom = bill(lock)

  it('is CycloneDX and lists exactly the runtime set', () => {
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5' })
    expect(bom.metadata.component.name).toBe('underpass')
    expect(bom.components.map(({ name, version }) => `${name}@${version}`)).toEqual(
      packages.map(({ name, version }) => `${name}@${version}`),
    )
    for (const { hashes, purl } of bom.components) {
      expect(hashes?.[0]?.content).toMatch(/^[0-9a-f]{128}$/)
      expect(purl).toMatch(/^pkg:npm\/[^@]+@\d/)
    }
  })

  it('says who needs whom, without loose ends', () => {
    const refs = new Set([bom.metadata.component, ...bom.components].map((each) => each['bom-ref']))
    expect(new Set(bom.dependencies.map(({ ref }) => ref))).toEqual(refs)
    for (const { dependsOn } of bom.dependencies) for (const ref of dependsOn) expect(refs).toContain(ref)
  })
})
