package phone

// ForgetEvery is how often it is looked what of old calls is not kept any more.
const ForgetEvery = forgetEvery
