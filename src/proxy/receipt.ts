/** The two things a page may know of upstream's answer. */
export interface Receipt {
  id?: string | undefined
  updated?: string | undefined
}

const isText = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value)

/** Only what has the form of an id and of a time: nothing else that upstream says reaches a page. */
export const parseReceipt = (body: string): Receipt => {
  try {
    const { _id, updated } = JSON.parse(body)
    return {
      id: isText(_id, /^[\w-]{1,128}$/) ? _id : undefined,
      updated: isText(updated, /^[\d:TZ.+-]{1,64}$/) ? updated : undefined,
    }
  } catch {
    return {}
  }
}
