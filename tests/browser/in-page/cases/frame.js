/** Waits for an event of a target. */
export const event = (target, name) => new Promise((resolve) => target.addEventListener(name, resolve, { once: true }))

const personal = /@example\.com|Jane|eyJ/

/**
 * A page of its own in an iframe: a window, document, console and copy of the script that no other case shares, and the
 * origin's one localStorage, which other frames see as other tabs do.
 */
export const openFrame = async (url, watch) => {
  const element = document.createElement('iframe')
  element.src = url
  const loaded = event(element, 'load')
  document.body.append(element)
  await loaded
  const win = element.contentWindow
  watch(win)
  return { element, win, remove: () => element.remove() }
}

/** Notes what a window prints, throws, leaves unhandled, and stores. */
export const createWatch = () => {
  const lines = []
  const problems = []
  const keys = new Set()
  const watch = (win) => {
    for (const level of ['error', 'warn', 'info', 'log', 'debug']) {
      win.console[level] = (...parts) => {
        const text = parts.map(String).join(' ')
        lines.push({ level, text })
        if (personal.test(text)) problems.push(`personal data in the console: ${text}`)
      }
    }
    win.addEventListener('error', ({ message }) => problems.push(`uncaught: ${message}`))
    win.addEventListener('unhandledrejection', ({ reason }) => problems.push(`unhandled rejection: ${reason}`))
    try {
      const { setItem } = win.Storage.prototype
      win.Storage.prototype.setItem = function (key, value) {
        keys.add(key)
        // Only what waits in the outbox is personal, and a token is never kept.
        if ((/^orq\.2\.outbox/.test(key) ? /eyJ/ : personal).test(value)) problems.push(`personal data in ${key}`)
        return setItem.call(this, key, value)
      }
    } catch {}
  }
  const noteDecision = (decision) => {
    if (personal.test(JSON.stringify(decision))) problems.push('personal data in a decision')
  }
  return { lines, problems, keys, watch, noteDecision }
}

/** A classic or module script, as a tag that a page adds. */
export const addScript = async (win, { src, type = '', ...dataset }) => {
  const script = win.document.createElement('script')
  Object.assign(script, { src, type })
  Object.assign(script.dataset, dataset)
  const loaded = event(script, 'load')
  win.document.head.append(script)
  await loaded
}
