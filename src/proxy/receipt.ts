/** The two things a page may know of upstream's answer. */
export interface Receipt {
  id?: string | undefined
  updated?: string | undefined
}

export const parseReceipt = (body: string): Receipt => {
  try {
    const { _id, updated } = JSON.parse(body)
    return {
      id: typeof _id === 'string' && _id.length <= 128 ? _id : undefined,
      updated: typeof updated === 'string' && updated.length <= 64 ? updated : undefined,
    }
  } catch {
    return {}
  }
}
