// SPDX-License-Identifier: Apache-2.0
#include "services/iam/aws_policies.h"

#include "base/clock.h"

namespace sluice::iam {
namespace {
constexpr std::string_view kAwsPolicies = "arn:aws:iam::aws:policy/";

// As AWS publishes them. Of the dates of creation mostly the minute is known. The ids that begin
// with ANPASLUICE are of Sluice: AWS's are not published. Source: AWS Managed Policy Reference
// Guide.
struct Published {
  std::string_view name, path, id;
  int64_t version;  // the default version at the date `updated`
  std::string_view created, updated, description, document;
};
constexpr Published kPublished[] = {
    {"AdministratorAccess", "/", "ANPAIWMBCKSKIEE64ZLYK", 1, "2015-02-06T18:39:46Z",
     "2015-02-06T18:39:46Z", "Provides full access to AWS services and resources.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})"},
    {"AmazonDynamoDBFullAccess", "/", "ANPAINUGF2JSOSUY76KYA", 15, "2015-02-06T18:40:00Z",
     "2021-01-29T17:38:30Z",
     "Provides full access to Amazon DynamoDB via the AWS Management Console.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:*","dax:*",
"application-autoscaling:DeleteScalingPolicy",
"application-autoscaling:DeregisterScalableTarget",
"application-autoscaling:DescribeScalableTargets",
"application-autoscaling:DescribeScalingActivities",
"application-autoscaling:DescribeScalingPolicies",
"application-autoscaling:PutScalingPolicy","application-autoscaling:RegisterScalableTarget",
"cloudwatch:DeleteAlarms","cloudwatch:DescribeAlarmHistory","cloudwatch:DescribeAlarms",
"cloudwatch:DescribeAlarmsForMetric","cloudwatch:GetMetricStatistics",
"cloudwatch:ListMetrics","cloudwatch:PutMetricAlarm","cloudwatch:GetMetricData",
"datapipeline:ActivatePipeline","datapipeline:CreatePipeline","datapipeline:DeletePipeline",
"datapipeline:DescribeObjects","datapipeline:DescribePipelines",
"datapipeline:GetPipelineDefinition","datapipeline:ListPipelines",
"datapipeline:PutPipelineDefinition","datapipeline:QueryObjects","ec2:DescribeVpcs",
"ec2:DescribeSubnets","ec2:DescribeSecurityGroups","iam:GetRole","iam:ListRoles",
"kms:DescribeKey","kms:ListAliases","sns:CreateTopic","sns:DeleteTopic",
"sns:ListSubscriptions","sns:ListSubscriptionsByTopic","sns:ListTopics","sns:Subscribe",
"sns:Unsubscribe","sns:SetTopicAttributes","lambda:CreateFunction","lambda:ListFunctions",
"lambda:ListEventSourceMappings","lambda:CreateEventSourceMapping",
"lambda:DeleteEventSourceMapping","lambda:GetFunctionConfiguration","lambda:DeleteFunction",
"resource-groups:ListGroups","resource-groups:ListGroupResources",
"resource-groups:GetGroup","resource-groups:GetGroupQuery","resource-groups:DeleteGroup",
"resource-groups:CreateGroup","tag:GetResources","kinesis:ListStreams",
"kinesis:DescribeStream","kinesis:DescribeStreamSummary"],"Resource":"*"},{"Effect":"Allow",
"Action":"cloudwatch:GetInsightRuleReport","Resource":
"arn:aws:cloudwatch:*:*:insight-rule/DynamoDBContributorInsights*"},{"Effect":"Allow",
"Action":["iam:PassRole"],"Resource":"*","Condition":{"StringLike":{"iam:PassedToService":[
"application-autoscaling.amazonaws.com","application-autoscaling.amazonaws.com.cn",
"dax.amazonaws.com"]}}},{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole"],
"Resource":"*","Condition":{"StringEquals":{"iam:AWSServiceName":[
"replication.dynamodb.amazonaws.com","dax.amazonaws.com",
"dynamodb.application-autoscaling.amazonaws.com",
"contributorinsights.dynamodb.amazonaws.com",
"kinesisreplication.dynamodb.amazonaws.com"]}}}]})"},
    {"AmazonDynamoDBReadOnlyAccess", "/", "ANPAIY2XFNA232XJ6J7X2", 14, "2015-02-06T18:40:00Z",
     "2024-03-20T15:45:01Z",
     "Provides read only access to Amazon DynamoDB via the AWS Management Console.",
     R"({"Version":"2012-10-17","Statement":[{"Sid":"GeneralReadOnlyAccess","Effect":"Allow",
"Action":["application-autoscaling:DescribeScalableTargets",
"application-autoscaling:DescribeScalingActivities",
"application-autoscaling:DescribeScalingPolicies","cloudwatch:DescribeAlarmHistory",
"cloudwatch:DescribeAlarms","cloudwatch:DescribeAlarmsForMetric",
"cloudwatch:GetMetricStatistics","cloudwatch:ListMetrics","cloudwatch:GetMetricData",
"datapipeline:DescribeObjects","datapipeline:DescribePipelines",
"datapipeline:GetPipelineDefinition","datapipeline:ListPipelines",
"datapipeline:QueryObjects","dynamodb:BatchGetItem","dynamodb:Describe*","dynamodb:List*",
"dynamodb:GetItem","dynamodb:GetResourcePolicy","dynamodb:Query","dynamodb:Scan",
"dynamodb:PartiQLSelect","dax:Describe*","dax:List*","dax:GetItem","dax:BatchGetItem",
"dax:Query","dax:Scan","ec2:DescribeVpcs","ec2:DescribeSubnets",
"ec2:DescribeSecurityGroups","iam:GetRole","iam:ListRoles","kms:DescribeKey",
"kms:ListAliases","sns:ListSubscriptionsByTopic","sns:ListTopics","lambda:ListFunctions",
"lambda:ListEventSourceMappings","lambda:GetFunctionConfiguration",
"resource-groups:ListGroups","resource-groups:ListGroupResources",
"resource-groups:GetGroup","resource-groups:GetGroupQuery","tag:GetResources",
"kinesis:ListStreams","kinesis:DescribeStream","kinesis:DescribeStreamSummary"],"Resource":
"*"},{"Sid":"CCIAccess","Effect":"Allow","Action":"cloudwatch:GetInsightRuleReport",
"Resource":"arn:aws:cloudwatch:*:*:insight-rule/DynamoDBContributorInsights*"}]})"},
    {"AmazonS3FullAccess", "/", "ANPAIFIR6V6BVTRAHWINE", 2, "2015-02-06T18:40:00Z",
     "2021-09-27T20:16:37Z", "Provides full access to all buckets via the AWS Management Console.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*",
"s3-object-lambda:*"],"Resource":"*"}]})"},
    {"AmazonS3ReadOnlyAccess", "/", "ANPAIZTJ4DXE7G6AGAE6M", 3, "2015-02-06T18:40:00Z",
     "2023-08-10T21:31:39Z",
     "Provides read only access to all buckets via the AWS Management Console.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*",
"s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]})"},
    {"AWSCloudTrail_ReadOnlyAccess", "/", "ANPASLUICE00000000001", 1, "2022-06-14T17:19:05Z",
     "2022-06-14T17:19:05Z", "Provides read only access to AWS CloudTrail.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudtrail:Get*",
"cloudtrail:Describe*","cloudtrail:List*","cloudtrail:LookupEvents"],"Resource":"*"}]})"},
    {"AWSLambda_FullAccess", "/", "ANPAZKAPJZG4OXQPYWZ5D", 5, "2020-11-17T21:14:00Z",
     "2026-02-11T22:18:56Z",
     "Grants full access to AWS Lambda service, AWS Lambda console features, and other related AWS "
     "services.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
"cloudformation:DescribeStacks","cloudformation:ListStackResources",
"cloudwatch:ListMetrics","cloudwatch:GetMetricData","ec2:DescribeSecurityGroups",
"ec2:DescribeSubnets","ec2:DescribeVpcs","kms:DescribeKey","kms:ListAliases",
"iam:GetPolicy","iam:GetPolicyVersion","iam:GetRole","iam:GetRolePolicy",
"iam:ListAttachedRolePolicies","iam:ListRolePolicies","iam:ListRoles","lambda:*",
"logs:DescribeLogGroups","states:DescribeStateMachine","states:ListStateMachines",
"tag:GetResources","xray:GetTraceSummaries","xray:BatchGetTraces"],"Resource":"*"},{
"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{
"iam:PassedToService":"lambda.amazonaws.com"}}},{"Effect":"Allow","Action":[
"logs:DescribeLogStreams","logs:GetLogEvents","logs:FilterLogEvents","logs:StartLiveTail",
"logs:StopLiveTail"],"Resource":"arn:aws:logs:*:*:log-group:/aws/lambda/*"},{"Effect":
"Allow","Action":"iam:CreateServiceLinkedRole","Resource":
"arn:aws:iam::*:role/aws-service-role/lambda.amazonaws.com/AWSServiceRoleForLambda",
"Condition":{"StringEquals":{"iam:AWSServiceName":"lambda.amazonaws.com"}}}]})"},
    {"AWSLambda_ReadOnlyAccess", "/", "ANPASLUICE00000000002", 2, "2020-11-17T21:10:00Z",
     "2023-07-27T17:32:05Z",
     "Grants read-only access to AWS Lambda service, AWS Lambda console features, and other "
     "related AWS services.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
"cloudformation:DescribeStacks","cloudformation:ListStacks",
"cloudformation:ListStackResources","cloudwatch:GetMetricData","cloudwatch:ListMetrics",
"ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","kms:ListAliases",
"iam:GetPolicy","iam:GetPolicyVersion","iam:GetRole","iam:GetRolePolicy",
"iam:ListAttachedRolePolicies","iam:ListRolePolicies","iam:ListRoles",
"logs:DescribeLogGroups","lambda:Get*","lambda:List*","states:DescribeStateMachine",
"states:ListStateMachines","tag:GetResources","xray:GetTraceSummaries",
"xray:BatchGetTraces"],"Resource":"*"},{"Effect":"Allow","Action":[
"logs:DescribeLogStreams","logs:GetLogEvents","logs:FilterLogEvents","logs:StartQuery",
"logs:StopQuery","logs:DescribeQueries","logs:GetLogGroupFields","logs:GetLogRecord",
"logs:GetQueryResults"],"Resource":"arn:aws:logs:*:*:log-group:/aws/lambda/*"}]})"},
    {"AWSLambdaBasicExecutionRole", "/service-role/", "ANPAJNCQGXC42545SKXIK", 1,
     "2015-04-09T15:03:43Z", "2015-04-09T15:03:43Z",
     "Provides write permissions to CloudWatch Logs.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup",
"logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]})"},
    {"AWSLambdaDynamoDBExecutionRole", "/service-role/", "ANPAIP7WNAGMIPYNW4WQG", 1,
     "2015-04-09T15:09:29Z", "2015-04-09T15:09:29Z",
     "Provides list and read access to DynamoDB streams and write permissions to CloudWatch logs.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:DescribeStream",
"dynamodb:GetRecords","dynamodb:GetShardIterator","dynamodb:ListStreams",
"logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]})"},
    {"AWSLambdaExecute", "/", "ANPAJE5FX7FQZSU5XAKGO", 1, "2015-02-06T18:40:46Z",
     "2015-02-06T18:40:46Z", "Provides Put, Get access to S3 and full access to CloudWatch Logs.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:*"],"Resource":
"arn:aws:logs:*:*:*"},{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":
"arn:aws:s3:::*"}]})"},
    {"CloudWatchLogsFullAccess", "/", "ANPAJ3ZGNWK2R5HW5BQFO", 3, "2015-02-06T18:40:00Z",
     "2025-05-20T17:07:06Z", "Provides full access to CloudWatch Logs",
     R"({"Version":"2012-10-17","Statement":[{"Sid":"CloudWatchLogsFullAccess","Effect":"Allow",
"Action":["logs:*","cloudwatch:GenerateQuery","cloudwatch:GenerateQueryResultsSummary"],
"Resource":"*"}]})"},
    {"CloudWatchLogsReadOnlyAccess", "/", "ANPAJ2YIYDYSNNEHK3VKW", 8, "2015-02-06T18:40:00Z",
     "2025-12-02T16:34:00Z", "Provides read only access to CloudWatch Logs",
     R"({"Version":"2012-10-17","Statement":[{"Sid":"CloudWatchLogsReadOnlyAccess","Effect":"Allow",
"Action":["logs:Describe*","logs:Get*","logs:List*","logs:StartQuery","logs:StopQuery",
"logs:TestMetricFilter","logs:FilterLogEvents","logs:StartLiveTail","logs:StopLiveTail",
"cloudwatch:GenerateQuery","cloudwatch:GenerateQueryResultsSummary",
"observabilityadmin:ListS3TableIntegrations","observabilityadmin:GetS3TableIntegration",
"observabilityadmin:ListTelemetryPipelines"],"Resource":"*"}]})"},
    {"CloudWatchReadOnlyAccess", "/", "ANPAJN23PDQP7SZQAE3QE", 14, "2015-02-06T18:40:00Z",
     "2025-12-02T16:49:09Z", "Provides read only access to CloudWatch.",
     R"({"Version":"2012-10-17","Statement":[{"Sid":"CloudWatchReadOnlyAccessPermissions","Effect":
"Allow","Action":["application-autoscaling:DescribeScalingPolicies",
"application-signals:BatchGet*","application-signals:Get*","application-signals:List*",
"autoscaling:Describe*","cloudtrail:ListChannels","cloudwatch:BatchGet*",
"cloudwatch:Describe*","cloudwatch:GenerateQuery","cloudwatch:Get*","cloudwatch:List*",
"logs:Get*","logs:List*","logs:StartQuery","logs:StopQuery","logs:Describe*",
"logs:TestMetricFilter","logs:FilterLogEvents","logs:StartLiveTail","logs:StopLiveTail",
"oam:ListSinks","observabilityadmin:GetCentralizationRuleForOrganization",
"observabilityadmin:ListCentralizationRulesForOrganization",
"observabilityadmin:GetTelemetryEvaluationStatus",
"observabilityadmin:GetTelemetryEvaluationStatusForOrganization",
"observabilityadmin:GetTelemetryRule","observabilityadmin:GetTelemetryRuleForOrganization",
"observabilityadmin:ListResourceTelemetry",
"observabilityadmin:ListResourceTelemetryForOrganization",
"observabilityadmin:ListTelemetryRules",
"observabilityadmin:ListTelemetryRulesForOrganization",
"observabilityadmin:GetTelemetryEnrichmentStatus","observabilityadmin:ListTagsForResource",
"observabilityadmin:GetTelemetryPipeline","observabilityadmin:ListTelemetryPipelines",
"observabilityadmin:TestTelemetryPipeline",
"observabilityadmin:ValidateTelemetryPipelineConfiguration",
"observabilityadmin:GetS3TableIntegration","observabilityadmin:ListS3TableIntegrations",
"sns:Get*","sns:List*","rum:BatchGet*","rum:Get*","rum:List*","synthetics:Describe*",
"synthetics:Get*","synthetics:List*","xray:BatchGet*","xray:Get*","xray:List*",
"xray:StartTraceRetrieval","xray:CancelTraceRetrieval"],"Resource":"*"},{"Sid":
"OAMReadPermissions","Effect":"Allow","Action":["oam:ListAttachedLinks"],"Resource":
"arn:aws:oam:*:*:sink/*"},{"Sid":"CloudWatchReadOnlyGetRolePermissions","Effect":"Allow",
"Action":"iam:GetRole","Resource":
"arn:aws:iam::*:role/aws-service-role/application-signals.cloudwatch.a)"
     R"(mazonaws.com/AWSServiceRoleForCloudWatchApplicationSignals"},{
"Sid":"CloudWatchCloudTrailPermissions","Effect":"Allow","Action":["cloudtrail:GetChannel"],
"Resource":"arn:aws:cloudtrail:*:*:channel/aws-service-channel/application-signals/*"},{
"Sid":"CloudWatchServiceQuotaPermissions","Effect":"Allow","Action":[
"servicequotas:GetServiceQuota"],"Resource":["arn:aws:servicequotas:*:*:s3/*",
"arn:aws:servicequotas:*:*:dynamodb/*","arn:aws:servicequotas:*:*:kinesis/*",
"arn:aws:servicequotas:*:*:sns/*","arn:aws:servicequotas:*:*:bedrock/*",
"arn:aws:servicequotas:*:*:lambda/*","arn:aws:servicequotas:*:*:fargate/*",
"arn:aws:servicequotas:*:*:elasticloadbalancing/*","arn:aws:servicequotas:*:*:ec2/*"]},{
"Sid":"CloudWatchResourceExplorerPermissions","Effect":"Allow","Action":[
"resource-explorer-2:ListIndexes","resource-explorer-2:Search"],"Resource":[
"arn:aws:resource-explorer-2:*::view/AWSServiceViewForApplicationSignals/service-view",
"arn:aws:resource-explorer-2:*::view/AWSServiceViewForApplicationSigna)"
     R"(lsOrgScopeProd/service-view"]}]})"},
    {"IAMReadOnlyAccess", "/", "ANPAJKSO7NDY4T57MWDSQ", 4, "2015-02-06T18:40:00Z",
     "2018-01-25T19:11:27Z", "Provides read only access to IAM via the AWS Management Console.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
"iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*",
"iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}]})"},
    {"ReadOnlyAccess", "/", "ANPAILL3HVNFSB6DCOWYQ", 182, "2015-02-06T18:39:48Z",
     "2026-04-03T15:27:12Z",
     "Provides read-only access to AWS services and resources. "
     "(Of AWS's document the actions of the services that Sluice has.)",
     R"({"Version":"2012-10-17","Statement":[{"Sid":"ReadOnlyActionsGroup1","Effect":"Allow",
"Action":["cloudformation:BatchDescribeTypeConfigurations","cloudformation:Describe*",
"cloudformation:Detect*","cloudformation:Estimate*","cloudformation:Get*",
"cloudformation:List*","cloudformation:ValidateTemplate","cloudtrail:Describe*",
"cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents","cloudwatch:Describe*",
"cloudwatch:GenerateQuery","cloudwatch:GenerateQueryResultsSummary","cloudwatch:Get*",
"cloudwatch:List*","dynamodb:BatchGet*","dynamodb:Describe*","dynamodb:Get*",
"dynamodb:List*","dynamodb:PartiQLSelect","dynamodb:Query","dynamodb:Scan","iam:Generate*",
"iam:Get*","iam:List*","iam:Simulate*"],"Resource":"*"},{"Sid":"ReadOnlyActionsGroup2",
"Effect":"Allow","Action":["kms:Describe*","kms:Get*","kms:List*","lambda:Get*",
"lambda:List*","logs:Describe*","logs:FilterLogEvents","logs:Get*",
"logs:ListAggregateLogGroupSummaries","logs:ListAnomalies","logs:ListEntitiesForLogGroup",
"logs:ListIntegrations","logs:ListLogAnomalyDetectors","logs:ListLogDeliveries",
"logs:ListLogGroupsForEntity","logs:ListLogGroupsForQuery","logs:ListScheduledQueries",
"logs:ListSourcesForS3TableIntegration","logs:ListTagsForResource","logs:ListTagsLogGroup",
"logs:StartLiveTail","logs:StartQuery","logs:StopLiveTail","logs:StopQuery",
"logs:TestMetricFilter","rolesanywhere:GetCrl","rolesanywhere:GetProfile",
"rolesanywhere:GetSubject","rolesanywhere:GetTrustAnchor","rolesanywhere:ListCrls",
"rolesanywhere:ListProfiles","rolesanywhere:ListSubjects",
"rolesanywhere:ListTagsForResource","rolesanywhere:ListTrustAnchors","s3:DescribeJob",
"s3:Get*","s3:List*","sts:GetAccessKeyInfo","sts:GetCallerIdentity",
"sts:GetSessionToken"],"Resource":"*"}]})"},
    {"SecurityAudit", "/", "ANPAIX2T3QCXHR2OGGCTO", 86, "2015-02-06T18:41:01Z",
     "2026-05-01T03:12:13Z",
     "The security audit template grants access to read security configuration metadata. It is "
     "useful for software that audits the configuration of an AWS account. "
     "(Of AWS's document the actions of the services that Sluice has.)",
     R"({"Version":"2012-10-17","Statement":[{"Sid":"BaseSecurityAuditStatement","Effect":"Allow",
"Action":["cloudformation:DescribeStack*","cloudformation:GetStackPolicy",
"cloudformation:GetTemplate","cloudformation:ListStack*","cloudtrail:DescribeTrails",
"cloudtrail:GetEventSelectors","cloudtrail:GetInsightSelectors","cloudtrail:GetTrail",
"cloudtrail:GetTrailStatus","cloudtrail:ListTags","cloudtrail:ListTrails",
"cloudtrail:LookupEvents","cloudwatch:Describe*","cloudwatch:GetDashboard",
"cloudwatch:ListDashboards","cloudwatch:ListTagsForResource",
"dynamodb:DescribeContinuousBackups","dynamodb:DescribeExport",
"dynamodb:DescribeGlobalTable","dynamodb:DescribeKinesisStreamingDestination",
"dynamodb:DescribeTable","dynamodb:DescribeTimeToLive","dynamodb:GetResourcePolicy",
"dynamodb:ListBackups","dynamodb:ListExports","dynamodb:ListGlobalTables",
"dynamodb:ListStreams","dynamodb:ListTables","dynamodb:ListTagsOfResource",
"iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*",
"iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy","kms:Describe*",
"kms:Get*","kms:List*","lambda:GetAccountSettings","lambda:GetFunctionCodeSigningConfig",
"lambda:GetFunctionConcurrency","lambda:GetFunctionConfiguration",
"lambda:GetFunctionEventInvokeConfig","lambda:GetLayerVersionPolicy","lambda:GetPolicy",
"lambda:GetRuntimeManagementConfig","lambda:List*","logs:Describe*","logs:GetLogDelivery",
"logs:ListLogDeliveries","logs:ListTagsForResource","logs:ListTagsLogGroup",
"rolesanywhere:GetCrl","rolesanywhere:GetProfile","rolesanywhere:GetSubject",
"rolesanywhere:GetTrustAnchor","rolesanywhere:ListCrls","rolesanywhere:ListProfiles",
"rolesanywhere:ListSubjects","rolesanywhere:ListTagsForResource",
"rolesanywhere:ListTrustAnchors","s3:DescribeJob","s3:GetAccelerateConfiguration",
"s3:GetAccessGrantsInstanceResourcePolicy","s3:GetAccessPoint",
"s3:GetAccessPointConfigurationForObjectLambda","s3:GetAccessPointForObjectLambda",
"s3:GetAccessPointPolicy","s3:GetAccessPointPolicyForObjectLambda",
"s3:GetAccessPointPolicyStatus","s3:GetAccessPointPolicyStatusForObjectLambda",
"s3:GetAccountPublicAccessBlock","s3:GetAnalyticsConfiguration","s3:GetBucket*",
"s3:GetEncryptionConfiguration","s3:GetInventoryConfiguration",
"s3:GetLifecycleConfiguration","s3:GetMetricsConfiguration","s3:GetMultiRegionAccessPoint",
"s3:GetMultiRegionAccessPointPolicy","s3:GetMultiRegionAccessPointPolicyStatus",
"s3:GetObjectAcl","s3:GetObjectTagging","s3:GetObjectVersionAcl",
"s3:GetReplicationConfiguration","s3:GetStorageLensConfiguration","s3:GetStorageLensGroup",
"s3:ListAccessGrants","s3:ListAccessGrantsInstances","s3:ListAccessPoints",
"s3:ListAccessPointsForObjectLambda","s3:ListAllMyBuckets","s3:ListBucket",
"s3:ListCallerAccessGrants","s3:ListJobs","s3:ListMultiRegionAccessPoints",
"s3:ListStorageLensConfigurations","s3:ListStorageLensGroups",
"sts:GetAccessKeyInfo"],"Resource":"*"}]})"},
    {"ViewOnlyAccess", "/job-function/", "ANPAID22R6XPJATWOFDK6", 45, "2016-11-10T17:20:15Z",
     "2026-04-22T18:12:21Z",
     "This policy grants permissions to view resources and basic metadata across all AWS services. "
     "(Of AWS's document the actions of the services that Sluice has.)",
     R"({"Version":"2012-10-17","Statement":[{"Sid":"GeneralViewOnlyAccessStatement",
"Effect":"Allow","Action":["cloudformation:DescribeStacks","cloudformation:List*",
"cloudtrail:DescribeTrails","cloudtrail:ListTrails","cloudtrail:LookupEvents",
"cloudwatch:Get*","cloudwatch:List*","dynamodb:DescribeBackup",
"dynamodb:DescribeContinuousBackups","dynamodb:DescribeGlobalTable",
"dynamodb:DescribeGlobalTableSettings","dynamodb:DescribeLimits",
"dynamodb:DescribeReservedCapacity","dynamodb:DescribeReservedCapacityOfferings",
"dynamodb:DescribeStream","dynamodb:DescribeTable","dynamodb:DescribeTimeToLive",
"dynamodb:ListBackups","dynamodb:ListExports","dynamodb:ListGlobalTables",
"dynamodb:ListStreams","dynamodb:ListTables","dynamodb:ListTagsOfResource",
"iam:GetAccountSummary","iam:GetLoginProfile","iam:List*","kms:ListKeys",
"kms:ListResourceTags","lambda:List*","logs:Describe*","logs:GetTransformer",
"logs:ListEntitiesForLogGroup","logs:ListLogGroupsForEntity","logs:ListLogGroupsForQuery",
"logs:ListTagsForResource","rolesanywhere:ListCrls","rolesanywhere:ListProfiles",
"rolesanywhere:ListSubjects","rolesanywhere:ListTagsForResource",
"rolesanywhere:ListTrustAnchors","s3:ListAllMyBuckets","s3:ListBucket",
"s3:ListMultiRegionAccessPoints"],"Resource":"*"}]})"},
};

std::shared_ptr<const ManagedPolicy> policy_of(const Published& published) {
  ManagedPolicy policy;
  policy.name = published.name;
  policy.path = published.path;
  policy.id = published.id;
  policy.arn = std::string(kAwsPolicies) + policy.path.substr(1) + policy.name;
  policy.created = parse_iso(published.created).value();
  policy.updated = parse_iso(published.updated).value();
  policy.description = published.description;
  policy.default_version = policy.last_version = published.version;
  policy.versions = {{published.version, policy.updated, {std::string(published.document)}}};
  return std::make_shared<const ManagedPolicy>(std::move(policy));
}
}  // namespace

bool is_aws_policy(std::string_view arn) { return arn.starts_with(kAwsPolicies); }

const std::vector<std::shared_ptr<const ManagedPolicy>>& aws_policies() {
  static const auto all = [] {
    std::vector<std::shared_ptr<const ManagedPolicy>> made;
    for (const Published& one : kPublished) made.push_back(policy_of(one));
    return made;
  }();
  return all;
}
std::shared_ptr<const ManagedPolicy> aws_policy(std::string_view arn) {
  for (const auto& policy : aws_policies())
    if (policy->arn == arn) return policy;
  return nullptr;
}

}  // namespace sluice::iam
