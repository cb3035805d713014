// SPDX-License-Identifier: Apache-2.0

//! A Lambda function in Rust as its authors write them: it counts the records of an S3 event and
//! says what Lambda told it.
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let records = event.payload["Records"].as_array().ok_or("no records")?;
    let context = event.context;
    let now = std::time::SystemTime::now();
    Ok(json!({
        "records": records.len(),
        "request_id": context.request_id,
        "function": context.env_config.function_name,
        "in_time": now < context.deadline(),
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
