// Teleport identity files: key, SSH and TLS certificates and authorities in one text. What is taken apart can be put together
// and taken apart again, and goes into `loadIdentity` without anything but a named error.
import { loadIdentity, parseIdentityFile, trustStore } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { mutatedText } from '../bytes.js'
import { material } from '../material.js'
import { must, outcome, outcomeOf, type Target, target } from '../target.js'

const ssh = 'ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5 alice'
const known = '@cert-authority cluster.test,*.cluster.test ssh-rsa AAAAB3Nz type=host'

export const identityFileTarget: Target = target('identity-file', 'Teleport identity files', async () => {
  const { authority, leaf } = await material()
  const base = `${leaf.privateKey}${ssh}\n${leaf.certificate}${known}\n${authority.certificate}`
  return {
    input: mutatedText(
      [base],
      [
        '\n',
        '\r\n',
        ' ',
        '-----',
        '-----BEGIN CERTIFICATE-----\n',
        '-----END CERTIFICATE-----\n',
        '-----BEGIN PRIVATE KEY-----\n',
        `${ssh}\n`,
        `${known}\n`,
        '\0',
        'ﬁ',
        '=',
      ],
    ),
    async execute(text: string) {
      const { value: parts } = outcome(() => parseIdentityFile(text))
      if (parts === undefined) return
      const again = parseIdentityFile(
        [
          parts.privateKey,
          ...(parts.sshCertificate === undefined ? [] : [parts.sshCertificate, '\n']),
          parts.certificate,
          ...parts.sshAuthorities.map((line) => `${line}\n`),
          parts.authorities,
        ].join(''),
      )
      must(JSON.stringify(again) === JSON.stringify(parts), 'taken apart twice, differently')
      outcome(() => trustStore(parts.authorities))
      const { error } = await outcomeOf(() => loadIdentity(parts, nodeCrypto))
      must(
        error === undefined || /^ERR_CONFIG_|^ERR_CRYPTO_UNAVAILABLE/.test(error.code),
        `an identity that fails with ${error?.code}`,
      )
    },
  }
})
