"""The handlers of the API, a file a noun; `table.ENDPOINTS` lists them."""
