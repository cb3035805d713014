// SPDX-License-Identifier: Apache-2.0
// The template language, without a server.
#include <gtest/gtest.h>

#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/resolve.h"
#include "services/cloudformation/types.h"

namespace sluice::cloudformation {
namespace {
std::string problem(const std::string& text) {
  const auto t = parse_template(text);
  return t ? "" : t.error().message;
}
std::string with_bucket(const std::string& name) {
  return "Parameters: {P: {Type: String, Default: p}, L: {Type: CommaDelimitedList, Default: 'a, "
         "b,c'}}\nResources: {B: {Type: 'AWS::S3::Bucket'}, C: {Type: 'AWS::S3::Bucket', "
         "Properties: {BucketName: " +
         name + "}}}\n";
}

// The value of C's BucketName.
std::string value(const std::string& yaml) {
  const auto t = parse_template(with_bucket(yaml));
  if (!t) return t.error().message;
  const ParameterValues parameters = *check_parameters(*t, {});
  const Scope scope;
  Values values(*t, parameters, scope, "stack", "arn:stack");
  values.add_resource("B", "bucket-b", {{"Arn", "arn:aws:s3:::bucket-b"}});
  const auto text = values.text(t->find("C")->properties.at("BucketName"));
  return text ? *text : text.error().message;
}

TEST(Template, ResolvesEachFunction) {
  EXPECT_EQ(value("!Ref P"), "p");
  EXPECT_EQ(value("!Ref B"), "bucket-b");
  EXPECT_EQ(value("!GetAtt B.Arn"), "arn:aws:s3:::bucket-b");
  EXPECT_EQ(value("{'Fn::GetAtt': [B, Arn]}"), "arn:aws:s3:::bucket-b");
  EXPECT_EQ(value("!Sub '${P}-${B.Arn}-${AWS::Region}-${!Literal}-$x-${'"),
            "p-arn:aws:s3:::bucket-b-us-east-1-${Literal}-$x-${");
  EXPECT_EQ(value("!Sub ['${A}${P}', {A: !Ref B}]"), "bucket-bp");
  EXPECT_EQ(value("!Join ['/', [a, !Ref P, 3]]"), "a/p/3");
  EXPECT_EQ(value("!Join ['', !Ref L]"), "abc");
  EXPECT_EQ(value("!Select [1, !Split ['-', !Ref B]]"), "b");
  EXPECT_EQ(value("!Ref AWS::AccountId"), "000000000000");
}

TEST(Template, SaysWhatIsWrongInAFunction) {
  EXPECT_EQ(value("!Ref Nobody"),
            "Template format error: Unresolved resource dependencies [Nobody] in the Resources "
            "block of the template");
  EXPECT_EQ(value("!GetAtt B.Nothing"),
            "Template error: resource B does not support attribute type Nothing in Fn::GetAtt");
  EXPECT_EQ(value("!GetAtt X.Arn"),
            "Template error: instance of Fn::GetAtt references undefined resource X");
  EXPECT_EQ(value("!Sub '${a b}'"),
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric "
            "characters, underscores, periods, and colons");
  EXPECT_NE(value("!FindInMap [A, B, C]")
                .find("Fn::FindInMap, a function that Sluice does not implement"),
            std::string::npos);
  EXPECT_NE(value("{'Fn::Join': ['', []], Other: 1}").find("must stand alone"), std::string::npos);
  EXPECT_NE(value("!Select [9, !Ref L]").find("nonexistent value at index 9"), std::string::npos);
  EXPECT_EQ(value("!Ref L"), "Template error: a string was expected, not a list or an object.");
}

TEST(Template, TypesScalarsAsCloudFormationDoes) {
  const auto o = read_template(
      "a: 2012-10-17\nb: 012345678901\nc: 12\nd: yes\ne: 'no'\nf: ~\ng: 1.50\nh: \"true\"\n");
  ASSERT_TRUE(o);
  EXPECT_EQ(json::serialize(*o),
            R"({"a":"2012-10-17","b":"012345678901","c":12,"d":true,"e":"no","f":null,"g":"1.50",)"
            R"("h":"true"})");
}

TEST(Template, RefusesHostileText) {
  EXPECT_NE(problem("a: &x [1]\nb: *x\n").find("aliases are not allowed"), std::string::npos);
  EXPECT_NE(problem("a: !!python/object:os.system x\n").find("not one of CloudFormation's"),
            std::string::npos);
  EXPECT_NE(problem("a: 1\na: 2\n").find("stands twice"), std::string::npos);
  EXPECT_NE(problem("{\"a\":1,\"a\":2}").find("duplicate key"), std::string::npos);
  EXPECT_NE(problem("? [a]\n: 1\n").find("a key must be a string"), std::string::npos);
  EXPECT_NE(problem("a: 1\n---\nb: 1\n").find("one YAML document"), std::string::npos);
  EXPECT_NE(problem("a: [").find("YAML not well-formed"), std::string::npos);
  EXPECT_NE(problem("{\"a\":").find("JSON not well-formed"), std::string::npos);
  EXPECT_NE(problem("- a\n").find("unsupported structure"), std::string::npos);
  EXPECT_NE(problem("\xff\xfe").find("not UTF-8"), std::string::npos);
  EXPECT_NE(
      problem("a: " + std::string(kTemplateBytesMax, 'x')).find("less than or equal to 51200"),
      std::string::npos);
}

TEST(Template, BoundsDepthExactly) {
  const auto nested = [](size_t depth) {
    return "a: " + std::string(depth - 1, '[') + "x" + std::string(depth - 1, ']') + "\n";
  };
  EXPECT_TRUE(read_template(nested(kTemplateDepthMax)));
  EXPECT_NE(problem(nested(kTemplateDepthMax + 1)).find("nests deeper"), std::string::npos);
  for (const std::string piece : {"[", "{a: ", "- ", "? ", "!a ", "&a ", "a:\n "}) {
    std::string text;
    while (text.size() + piece.size() < kTemplateBytesMax) text += piece;
    EXPECT_FALSE(parse_template(text)) << piece;
  }
}

TEST(Template, OrdersResourcesAndNamesCircles) {
  const auto t = parse_template(
      "Resources:\n A: {Type: 'AWS::S3::Bucket', DependsOn: B}\n B: {Type: 'AWS::S3::Bucket', "
      "Properties: {BucketName: !Sub '${C}-x'}}\n C: {Type: 'AWS::S3::Bucket'}\n");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->resources[0].name + t->resources[1].name + t->resources[2].name, "CBA");
  EXPECT_EQ(problem("Resources:\n A: {Type: 'AWS::S3::Bucket', DependsOn: B}\n B: {Type: "
                    "'AWS::S3::Bucket', DependsOn: A}\n C: {Type: 'AWS::S3::Bucket'}\n"),
            "Circular dependency between resources: [A, B]");
}

TEST(Template, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(problem("Resources: {A: {Type: 'AWS::EC2::Instance'}}"),
            "Template format error: Unrecognized resource types: [AWS::EC2::Instance]");
  EXPECT_EQ(problem("Resources: {}"),
            "Template format error: At least one Resources member must be defined.");
  EXPECT_EQ(problem("Foo: 1\nResources: {}"),
            "Template format error: Invalid template property or properties [Foo]");
  EXPECT_NE(problem("Mappings: {}\nResources: {}").find("Mappings is not implemented"),
            std::string::npos);
  EXPECT_NE(problem("Resources: {A: {Type: 'AWS::S3::Bucket', CreationPolicy: {}}}")
                .find("CreationPolicy"),
            std::string::npos);
}

TEST(Template, ConditionsDecideAndCannotCircle) {
  EXPECT_EQ(value("!If [Missing, a, b]"),
            "Template format error: Unresolved condition dependency Missing in resource C");
  const std::string text =
      "Conditions: {IsA: !Equals [a, a], NotA: !Not [{Condition: IsA}], Both: !And [{Condition: "
      "IsA}, {Condition: NotA}]}\nResources: {A: {Type: 'AWS::S3::Bucket'}}";
  const auto t = parse_template(text);
  ASSERT_TRUE(t) << problem(text);
  const ParameterValues none;
  const Scope scope;
  Values values(*t, none, scope, "s", "id");
  EXPECT_TRUE(*values.condition("IsA"));
  EXPECT_FALSE(*values.condition("Both"));
  const auto circle = parse_template(
      "Conditions: {A: !Not [{Condition: A}]}\nResources: {A: {Type: 'AWS::S3::Bucket'}}");
  ASSERT_TRUE(circle);
  Values again(*circle, none, scope, "s", "id");
  EXPECT_FALSE(again.condition("A"));
}

TEST(Template, BoundsWhatFunctionsMake) {
  std::string text =
      "Parameters: {P: {Type: String}}\nResources: {A: {Type: 'AWS::S3::Bucket', Properties: "
      "{BucketName: !Join ['', [";
  for (int i = 0; i < 300; ++i) text += "!Ref P, ";
  const auto t = parse_template(text + "x]]}}}");
  ASSERT_TRUE(t);
  const ParameterValues parameters = *check_parameters(*t, {{"P", std::string(4096, 'p')}});
  const Scope scope;
  Values values(*t, parameters, scope, "s", "id");
  const auto properties = values.resolve_properties(t->resources[0].properties);
  ASSERT_FALSE(properties);
  EXPECT_NE(properties.error().message.find("larger than"), std::string::npos);
}

std::string parameter_problem(const std::string& rules, const std::string& value) {
  const auto t =
      parse_template("Parameters: {P: {" + rules + "}}\nResources: {A: {Type: 'AWS::S3::Bucket'}}");
  if (!t) return t.error().message;
  const auto values = check_parameters(*t, {{"P", value}});
  return values ? "" : values.error().message;
}
TEST(Parameters, AreCheckedAgainstTheirRules) {
  EXPECT_EQ(parameter_problem("Type: Number, MinValue: 2, MaxValue: 4", "2"), "");
  EXPECT_NE(parameter_problem("Type: Number, MinValue: 2, MaxValue: 4", "5"), "");
  EXPECT_NE(parameter_problem("Type: Number", "five"), "");
  EXPECT_EQ(parameter_problem("Type: String, MinLength: 1, MaxLength: 3", "abc"), "");
  EXPECT_NE(parameter_problem("Type: String, MinLength: 1, MaxLength: 3", "abcd"), "");
  EXPECT_NE(parameter_problem("Type: String, MinLength: 1", ""), "");
  EXPECT_NE(
      parameter_problem("Type: String, AllowedValues: [a, b]", "c").find("AllowedValues: [a, b]"),
      std::string::npos);
  EXPECT_EQ(parameter_problem("Type: String, AllowedPattern: '[a-z]+'", "abc"), "");
  EXPECT_NE(parameter_problem("Type: String, AllowedPattern: '[a-z]+'", "ABC")
                .find("must match pattern [a-z]+"),
            std::string::npos);
  EXPECT_NE(parameter_problem("Type: String, AllowedPattern: '('", "a").find("AllowedPattern"),
            std::string::npos);
  EXPECT_NE(parameter_problem("Type: String, AllowedPattern: '(a+)+b'", std::string(500, 'a')),
            "");  // no pattern takes exponential time
  EXPECT_NE(parameter_problem("Type: 'AWS::SSM::Parameter::Value<String>'", "a")
                .find("Unrecognized parameter type"),
            std::string::npos);
  EXPECT_EQ(parameter_problem("Type: String", std::string(4096, 'x')), "");
  EXPECT_NE(parameter_problem("Type: String", std::string(4097, 'x')), "");
}
TEST(Parameters, MustExistAndHaveValues) {
  const auto t =
      parse_template("Parameters: {P: {Type: String}}\nResources: {A: {Type: 'AWS::S3::Bucket'}}");
  EXPECT_EQ(check_parameters(*t, {}).error().message, "Parameters: [P] must have values");
  EXPECT_EQ(check_parameters(*t, {{"P", ""}, {"Q", ""}}).error().message,
            "Parameters: [Q] do not exist in the template");
}

TEST(Properties, TakeTheTypeOfTheApiAndRefuseTheUnknown) {
  const Type& function = *find_type("AWS::Lambda::Function");
  const json::object code{{"S3Bucket", "b"}, {"S3Key", "k"}};
  const auto checked = check_properties(
      function, {{"Code", code},
                 {"Role", "r"},
                 {"Timeout", "30"},
                 {"Environment", json::object{{"Variables", json::object{{"A", 1}}}}}});
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->at("Timeout"), 30);
  EXPECT_EQ(checked->at("Environment").at("Variables").at("A"), "1");
  EXPECT_EQ(
      check_properties(function, {{"Code", code}, {"Role", "r"}, {"VpcConfig", json::object{}}})
          .error()
          .message,
      "Encountered unsupported property VpcConfig");
  EXPECT_EQ(check_properties(function, {{"Role", "r"}}).error().message,
            "Property Code cannot be empty.");
  EXPECT_EQ(
      check_properties(function, {{"Code", code}, {"Role", "r"}, {"Timeout", "x"}}).error().message,
      "Value of property Timeout must be of type Integer");
}
TEST(Properties, EverySchemaIsReadable) {
  for (const char* name :
       {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key", "AWS::KMS::Alias",
        "AWS::DynamoDB::Table", "AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy",
        "AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping", "AWS::Logs::LogGroup", "AWS::CloudTrail::Trail"}) {
    const Type* type = find_type(name);
    ASSERT_NE(type, nullptr) << name;
    EXPECT_TRUE(parse_json_object(type->schema)) << name;
  }
}
TEST(Capabilities, FollowTheRolesAndPolicies) {
  EXPECT_EQ(needed_capability(*parse_template("Resources: {A: {Type: 'AWS::S3::Bucket'}}")), "");
  EXPECT_EQ(
      needed_capability(*parse_template(
          "Resources: {A: {Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: {}}}}")),
      "CAPABILITY_IAM");
  EXPECT_EQ(needed_capability(*parse_template(
                "Resources: {A: {Type: 'AWS::IAM::Role', Properties: {RoleName: x}}}")),
            "CAPABILITY_NAMED_IAM");
  EXPECT_EQ(needed_capability(*parse_template("Resources: {A: {Type: 'AWS::IAM::ManagedPolicy'}}")),
            "CAPABILITY_IAM");
  EXPECT_EQ(needed_capability(*parse_template("Resources: {A: {Type: 'AWS::IAM::ManagedPolicy', "
                                              "Properties: {ManagedPolicyName: x}}}")),
            "CAPABILITY_NAMED_IAM");
  EXPECT_EQ(needed_capability(*parse_template(
                "Resources: {A: {Type: 'AWS::IAM::Policy', Properties: {PolicyName: x}}}")),
            "CAPABILITY_IAM");
}
}  // namespace
}  // namespace sluice::cloudformation
