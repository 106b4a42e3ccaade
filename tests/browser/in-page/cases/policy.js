import { cannot, equal, ok } from './expect.js'

const policy = (sources) =>
  `default-src 'none'; script-src 'nonce-x' ${sources}; connect-src 'self'; require-trusted-types-for 'script'`

/** The script's own tag in a page under a policy. */
const html = ({ base, door }) => `<!doctype html>
  <script nonce="x">
    window.violations = []
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => violations.push(violatedDirective + ' ' + blockedURI))
  </script>
  ${
    door === 'orq.esm.js'
      ? `<script nonce="x" type="module" src="${base}/door.js"></script>`
      : `<script nonce="x" src="${base}/orq/${door}" data-token-url="${base}/token" data-debounce-ms="10"></script>`
  }`

export const cases = [
  ...[
    ['J65', ''],
    ['J65b', `'strict-dynamic'`],
  ].map(([number, sources]) => ({
    name: `${number} a strict policy ${sources ? `with ${sources}` : 'by nonce'} sees no violation`,
    run: async (tools) => {
      const { win } = await tools.document(html(tools), { 'content-security-policy': policy(sources) })
      if (tools.door === 'orq.esm.js')
        win.orq.init({ proxyUrl: `${tools.base}/orq`, tokenUrl: `${tools.base}/token`, debounceMs: 10 })
      const outcome = await win.orq.identify(tools.id, { plan: 'pro' })
      equal(outcome, { status: 'delivered' })
      equal([...win.violations], [], 'violations')
      const { files } = await tools.log()
      if (tools.door !== 'orq.full.js') ok(files.includes('transport.js'), 'the chunk was not asked for')
      if (!('trustedTypes' in win)) cannot('passed under the policy, but this engine has no Trusted Types')
    },
  })),
  {
    name: 'J65c the policy of these cases does catch a string that becomes a script',
    run: async (tools) => {
      const { win } = await tools.document(html(tools), { 'content-security-policy': policy('') })
      const script = win.document.createElement('script')
      try {
        script.append('window.injected = true')
        win.document.head.append(script)
      } catch {}
      equal(win.injected, undefined)
      await new Promise((resolve) => win.setTimeout(resolve))
      ok(win.violations.length > 0, 'no violation was counted')
    },
  },
  {
    name: 'J65e a tag keeps its settings when an element named currentScript stands before it',
    run: async (tools) => {
      if (tools.door === 'orq.esm.js') cannot('an import has no tag')
      const { win } = await tools.document(
        `<!doctype html><img name="currentScript" alt=""><script src="${tools.base}/orq/${tools.door}"
          data-token-url="${tools.base}/token" data-debounce-ms="10"></script>`,
      )
      const late = new Promise((resolve) => win.setTimeout(resolve, 10_000, { status: 'never started' }))
      equal(await Promise.race([win.orq.identify(tools.id), late]), { status: 'delivered' })
    },
  },
  {
    name: 'J65d an element named currentScript before the tag breaks nothing',
    run: async (tools) => {
      if (tools.door === 'orq.esm.js') cannot('an import has no tag')
      const { win } = await tools.document(
        `<!doctype html><img name="currentScript" alt=""><form name="currentScript"></form>
        <script src="${tools.base}/orq/${tools.door}"></script>`,
      )
      win.orq.init({ proxyUrl: `${tools.base}/orq`, tokenUrl: `${tools.base}/token`, debounceMs: 10 })
      equal(await win.orq.identify(tools.id), { status: 'delivered' })
    },
  },
]
